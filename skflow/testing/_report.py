"""Which properties are checked, and how a check says that one does not hold."""

import numpy as np

__all__ = ["checks_but", "fail", "largest_error", "require_at_most"]


def checks_but(checks, skip):
    """Return checks, given by the names of their properties, without those to skip.

    Raises
    ------
    ValueError
        If ``skip`` names a property that none checks.
    """
    unknown = set(skip) - set(checks)
    if unknown:
        raise ValueError(f"skip names no properties: {sorted(unknown)}; there are {list(checks)}")
    return [check for name, check in checks.items() if name not in skip]


def fail(subject, prop, explanation):
    """Raise the AssertionError by which all checks of the package speak."""
    raise AssertionError(f"{type(subject).__name__}: {prop}: {explanation}")


def largest_error(scores, expected):
    """Largest error, relative to what is expected where that is above one; NaN propagates."""
    return (np.abs(scores - expected) / np.maximum(np.abs(expected), 1.0)).max()


def require_at_most(subject, prop, measured, tolerance, explanation):
    """Fail unless ``measured <= tolerance``; a NaN fails too."""
    if not measured <= tolerance:
        fail(subject, prop, f"{explanation}: measured {measured:.3g}, tolerance {tolerance:.3g}")
