"""How a check says that a property does not hold."""

__all__ = ["fail", "require_at_most"]


def fail(subject, prop, explanation):
    """Raise the AssertionError by which all checks of the package speak."""
    raise AssertionError(f"{type(subject).__name__}: {prop}: {explanation}")


def require_at_most(subject, prop, measured, tolerance, explanation):
    """Fail unless ``measured <= tolerance``; a NaN fails too."""
    if not measured <= tolerance:
        fail(subject, prop, f"{explanation}: measured {measured:.3g}, tolerance {tolerance:.3g}")
