"""What to say to a pickle of an estimator whose class has moved."""

import sys
from importlib.abc import MetaPathFinder

__all__ = ["explain_old_pickles"]

PACKAGE = __name__.partition(".")[0]
# of version 0.1.0, that pickles of its estimators name
MOVED = {
    f"{PACKAGE}.estimators._{name}"
    for name in [
        "autoregressive",
        "classical",
        "conformal",
        "continuous",
        "coupling",
        "gaussianization",
        "glow",
        "linear",
        "low_rank",
        "made",
        "monotone",
        "outlier",
        "residual",
        "stacked",
        "stacking",
        "table",
        "ties",
        "variational",
    ]
}


class _Explainer(MetaPathFinder):
    """Finds nothing; asked last, it says of modules that pickles name why they are not there."""

    def find_spec(self, name, path=None, target=None):
        if name in MOVED:
            raise ModuleNotFoundError(
                f"there is no module {name!r} in this version of {PACKAGE}. A pickle or a joblib "
                "file names the modules of the version that wrote it: load it with that version, "
                "or fit anew. Files that an estimator's method save writes are read by later "
                f"versions: {PACKAGE}.load.",
                name=name,
            )


def explain_old_pickles():
    """Let Python ask the explainer when nobody else finds a module of this package."""
    if not any(type(finder).__name__ == _Explainer.__name__ for finder in sys.meta_path):
        sys.meta_path.append(_Explainer())
