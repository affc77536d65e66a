"""What an estimator remembers of its last fit beside what it learnt: plain data, for its card."""

import sys

__all__ = ["fit_record", "known_versions"]

PACKAGES = {"skflow": "skflow", "torch": "torch", "scikit-learn": "sklearn", "numpy": "numpy"}


def known_versions():
    """Return the versions of Python and of the packages that a fit needs, by their names."""
    modules = {name: sys.modules.get(module) for name, module in PACKAGES.items()}
    found = {name: str(m.__version__) for name, m in modules.items() if m is not None}
    return {"python": sys.version.split()[0]} | found


def fit_record(X, seconds):
    """Return what is remembered of a fit to X (None for a function) that took so long."""
    shape = getattr(X, "shape", None) or ()
    if not shape and isinstance(X, list | tuple):
        shape = (len(X),)
    known = shape and type(shape[0]) is int  # Dask counts rows when it is asked to
    return {
        "n_rows": shape[0] if known else None,
        "seconds": float(seconds),
        "versions": known_versions(),
    }
