"""Which properties are checked, and how a check says that one does not hold."""

__all__ = ["checks_but", "fail", "require_at_most"]


def checks_but(checks, skip):
    """Return checks, functions ``_check_<property>``, without those of properties to skip.

    Raises
    ------
    ValueError
        If ``skip`` names a property that none checks.
    """
    names = {check.__name__.removeprefix("_check_"): check for check in checks}
    unknown = set(skip) - set(names)
    if unknown:
        raise ValueError(f"skip names no properties: {sorted(unknown)}; there are {list(names)}")
    return [check for name, check in names.items() if name not in skip]


def fail(subject, prop, explanation):
    """Raise the AssertionError by which all checks of the package speak."""
    raise AssertionError(f"{type(subject).__name__}: {prop}: {explanation}")


def require_at_most(subject, prop, measured, tolerance, explanation):
    """Fail unless ``measured <= tolerance``; a NaN fails too."""
    if not measured <= tolerance:
        fail(subject, prop, f"{explanation}: measured {measured:.3g}, tolerance {tolerance:.3g}")
