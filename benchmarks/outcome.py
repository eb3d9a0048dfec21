"""What the parts of a measurement return."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Value = float | int | str | dict[str, float] | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one part found: the figures of the JSON line, more that goes with them, and what was not as it must be."""

    figures: dict[str, Value]
    details: dict[str, Value] = field(default_factory=dict)
    faults: Sequence[str] = ()


def percentile(values: Sequence[float] | npt.NDArray[np.float64], share: float) -> float:
    """The value that `share` percent of the values do not exceed, rounded to three places."""
    return round(float(np.percentile(values, share)), 3)
