"""Statistics of samples: pure."""
import math


def percentile(values, part):
    """The least value that `part` (0 < part <= 1) of all values do not exceed: always one of them."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


def median(values):
    """The middle one, or the mean of the two in the middle."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def improvement(peer, ours, more_is_better):
    """How many times better ours is; below 1: worse. None where it cannot be said (a zero)."""
    above, below = (ours, peer) if more_is_better else (peer, ours)
    return above / below if below else None
