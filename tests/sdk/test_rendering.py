"""How jobs look in a terminal, whatever is in them and however narrow it is."""

import io

from rich.console import Console
from tests.sdk.test_client import A_JOB

from wayside.cli import rendering
from wayside_events.contracts.jobs import Job
from wayside_events.jobs import Progress

ODD = "copied [/data] to [red]"


def job() -> Job:
    return Job.model_validate(A_JOB).model_copy(update={"progress": Progress(message=ODD), "created_by": ODD})


def shown(what: object, *, width: int = 200) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_what_looks_like_markup_is_shown_as_it_is() -> None:
    assert ODD in shown(rendering.jobs_table([job()]))
    assert shown(rendering.job_details(job())).count(ODD) == 2


def test_a_live_bar_shows_a_message_as_it_is() -> None:
    with rendering.watching(as_json=False) as show:
        show(job())


def test_an_id_is_whole_in_a_narrow_terminal() -> None:
    assert job().id in shown(rendering.jobs_table([job()]), width=50)
