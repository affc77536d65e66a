"""What the parameters of a variational approximator may be."""

from numbers import Integral, Real

from sklearn.utils._param_validation import Interval, StrOptions

from skflow.estimators._trained import HIDDEN_FEATURES

__all__ = ["CONSTRAINTS"]

FLOWS = {"auto", "iaf", "coupling", "maf", "planar", "radial", "sylvester", "gaussian", "diagonal"}
CONSTRAINTS: dict = {
    "n_features": [None, Interval(Integral, 1, None, closed="left")],
    "feature_names": [None, "array-like"],
    "flow": [StrOptions({*FLOWS, "equivariant"})],
    "n_layers": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "hidden_features": HIDDEN_FEATURES,
    "encoder_features": HIDDEN_FEATURES,
    "support": [None, dict],
    "symmetry": [None, dict],
    "n_starts": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "annealing": [None, Interval(Real, 0, 1, closed="right")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "max_epochs": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "learning_rate": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
    "max_seconds": [None, Interval(Real, 0, None, closed="neither")],
    "device": [str],
    "dtype": [StrOptions({"float32", "float64"})],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}
