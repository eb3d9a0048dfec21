"""How sure several pieces of evidence make one claim."""

import math
from collections.abc import Mapping


def combine(maxima: Mapping[str, float]) -> float:
    """Return the noisy-or of independent source models, each given by the highest confidence it ever stated.

    1 - product of (1 - c): the chance that not all of them are wrong, if their errors are independent. A model that
    repeats itself is not independent of itself, so only its maximum counts. Pearl, Probabilistic Reasoning in
    Intelligent Systems (1988), section 4.3.2.
    """
    values = sorted(maxima.values())
    if len(values) == 1:
        return values[0]
    # Rounding may fall below the largest value by the last digit.
    return max(1.0 - math.prod(1.0 - value for value in values), values[-1])
