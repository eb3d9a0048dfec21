"""Progress as it is stored: what was said before, what is said now, and what follows from counts and children."""

from typing import Any, Final

import orjson

from wayside_events.jobs import Children, PercentSource, Progress
from wayside_jobs.domain.values import Json

PERCENT_LIMIT: Final = 99.0
"""What a running job may show at most: 100 is said by its completion only."""

_OF_SERVICE: Final = frozenset({"children", "percent_source"})
"""What the service writes itself; a runner that says it is not heard."""

_Fields = dict[str, Any]


def merged(known: Json, said: Progress) -> Json:
    """Add what a handler says. The percentage it says counts; without one it follows from `current` and `total`.

    Fields left out keep their value, and the percentage never goes back.
    """
    before: _Fields = orjson.loads(known)
    news = said.model_dump(exclude_unset=True, exclude=set(_OF_SERVICE))
    after = before | news
    percent, source = news.get("percent"), before.get("percent_source")
    is_own = percent is not None or ("percent" in before and source is None)
    if not is_own and ("current" in news or "total" in news):
        percent = _share(after.get("current"), after.get("total"))
        source = source if percent is None else PercentSource.COUNTS
    after |= {
        "percent": _forward(before.get("percent"), percent),
        "percent_source": None if is_own else source,
    }
    return _text(after)


def completed(known: Json) -> Json:
    """All is done."""
    return _text(orjson.loads(known) | {"percent": 100.0, "percent_source": None})


def rolled_up(known: Json, children: Children) -> Json:
    """Add where the children are; their percentage counts as long as the handler has not said one."""
    before: _Fields = orjson.loads(known)
    after = before | {"children": children.model_dump(mode="json")}
    if "percent" not in before or before.get("percent_source") == PercentSource.CHILDREN:
        after |= {
            "percent": _forward(before.get("percent"), children.percent),
            "percent_source": PercentSource.CHILDREN,
        }
    return _text(after)


def children_of(known: Json) -> Children | None:
    """Return where the children were at the last rollup."""
    children = orjson.loads(known).get("children")
    return None if children is None else Children.model_validate(children)


def _share(current: float | None, total: float | None) -> float | None:
    return None if current is None or not total else round(max(100 * current / total, 0.0), 2)


def _forward(floor: float | None, percent: float | None) -> float | None:
    """The percentage as it may be shown: below 100, and never less than before."""
    return floor if percent is None else max(min(percent, PERCENT_LIMIT), floor or 0.0)


def _text(fields: _Fields) -> Json:
    """In one canonical form, so that equal texts mean equal progress."""
    kept = {name: value for name, value in fields.items() if value is not None}
    return Json(orjson.dumps(kept, option=orjson.OPT_SORT_KEYS).decode())
