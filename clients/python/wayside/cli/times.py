"""Lengths of time and moments as people write and read them."""

import re
from datetime import UTC, datetime, timedelta

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def seconds_of(text: str, option: str) -> float:
    """Read a length of time such as `90s`, `10m`, `2h` or `7d`; raises `ValueError`, a sentence."""
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?)([smhd])", text)
    if match is None:
        msg = f"{option}: {text!r} is not a length of time such as 90s, 10m, 2h or 7d"
        raise ValueError(msg)
    return float(match[1]) * _UNITS[match[2]]


def moment_of(text: str, option: str, *, past: bool = False) -> datetime:
    """Read a moment, or a length of time from now on, or back; without a zone it is one of this machine's."""
    if re.fullmatch(r"[\d.]+[smhd]", text):
        distance = timedelta(seconds=seconds_of(text, option))
        return datetime.now(UTC) + (-distance if past else distance)
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        msg = f"{option}: {text!r} is neither a moment such as 2026-12-24T18:00 nor a length of time such as 10m"
        raise ValueError(msg) from None


def age(moment: datetime) -> str:
    """How long ago a moment was."""
    return length(max((datetime.now(UTC) - moment).total_seconds(), 0))


def length(seconds: float) -> str:
    """A length of time in its largest unit, rounded down."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"


def seconds_text(seconds: float | None) -> str:
    """A duration, as exactly as it matters."""
    if seconds is None:
        return ""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    if hours:
        return f"{hours} h {minutes} min"
    if minutes:
        return f"{minutes} min {rest:.0f} s" if round(rest) else f"{minutes} min"
    return f"{rest:.1f}".removesuffix(".0") + " s"


def local(moment: datetime) -> str:
    """A moment by the clock of the reader."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def clock(moment: datetime) -> str:
    """The time of day of the reader."""
    return moment.astimezone().strftime("%H:%M:%S")
