"""What "auto" means: every default that depends on the table, in one place.

n is the number of training rows and d the number of columns. The rules were measured on tables
from 90 rows to 16,000 and from 2 columns to 75; ``benchmarks/`` has the figures.
"""

import math
from dataclasses import asdict, dataclass
from numbers import Integral

import numpy as np

__all__ = ["BASES", "ORDERS", "PREPROCESSING", "Settings", "resolve_base", "resolve_settings"]

PREPROCESSING = ("auto", "standardize", "rescale", "whiten", "gaussianize", "none")
BASES = ("normal", "student_t", "uniform", "mixture")
ORDERS = ("natural", "reversed", "random")
MIN_ROWS_TO_HOLD_OUT = 20
# entries of the table that training may pass over, up to 20,000 rows: minutes on one core
WORK = 6e7
VISIBLE = (
    "n_layers",
    "n_scales",
    "hidden_features",
    "n_bins",
    "n_directions",
    "trace",
    "preprocessing",
    "base",
    "order",
    "n_members",
    "max_epochs",
    "batch_size",
    "learning_rate",
    "dropout",
    "input_noise",
    "validation_fraction",
    "n_iter_no_change",
)


@dataclass(frozen=True)
class Settings:
    """Every "auto" resolved; the fitted estimator shows each as ``<name>_``."""

    n_layers: int
    n_scales: int | None
    hidden_features: tuple | None
    n_bins: int | None
    n_directions: int | None
    trace: str | None
    preprocessing: str
    base: str | tuple
    order: tuple | None
    n_members: int
    n_folds: int
    max_epochs: int
    batch_size: int
    learning_rate: float
    dropout: float | None
    input_noise: float
    validation_fraction: float
    n_iter_no_change: int | None

    def visible(self):
        """Return the settings that users may want to see, by name."""
        values = asdict(self)
        return {name: values[name] for name in VISIBLE if values[name] is not None}


def resolve_settings(estimator, n, d, preprocessing, holder=None, seed=0):
    """Resolve the settings for ``estimator`` on a table of n rows and d columns.

    ``preprocessing`` is settled, since the rows decide it and not their number; ``holder`` (n,)
    says which member is to hold out each row, if that is settled too. ``seed`` draws a random
    order of the columns.
    """

    def chosen(name, rule):
        value = getattr(estimator, name, None)  # not every flow has every parameter
        if not (isinstance(value, str) and value == "auto"):
            return value
        return own[name] if name in own else rule()

    own = estimator._auto(n, d)

    if holder is None:
        n_members = chosen("n_members", lambda: _n_members(n))
        fraction = chosen("validation_fraction", lambda: _validation_fraction(n, n_members))
        n_members, n_folds = _folds(n, n_members, fraction)
    else:
        n_members, n_folds = _given_folds(n, holder)
        fraction = 1 / n_folds
    n_train = n - n // n_folds if n_folds else n
    batch_size = min(chosen("batch_size", lambda: _batch_size(n_train)), n_train)
    hidden = _checked_widths(chosen("hidden_features", lambda: _hidden_features(n, d)))
    return Settings(
        n_layers=chosen("n_layers", None),
        n_scales=chosen("n_scales", lambda: 1),
        hidden_features=hidden,
        n_bins=chosen("n_bins", lambda: 8),
        n_directions=chosen("n_directions", lambda: min(d, 16)),
        trace=chosen("trace", lambda: _trace(hidden, d)),
        preprocessing=preprocessing,
        base=resolve_base(chosen("base", lambda: "mixture"), d),
        order=_resolve_order(getattr(estimator, "order", None), d, seed),
        n_members=n_members,
        n_folds=n_folds,
        max_epochs=chosen(
            "max_epochs", lambda: _max_epochs(n_train, d, batch_size, n_members, n_folds)
        ),
        batch_size=batch_size,
        learning_rate=float(chosen("learning_rate", lambda: _learning_rate(n_train))),
        dropout=chosen("dropout", lambda: 0.1 if n < 5_000 else 0.0),
        input_noise=float(chosen("input_noise", lambda: _input_noise(n))),
        validation_fraction=float(fraction),
        n_iter_no_change=chosen("n_iter_no_change", lambda: 30),
    )


def resolve_base(base, d):
    """Return the name of the base of all d latent columns, or a tuple with a name for each."""
    if isinstance(base, str):
        return "mixture" if base == "auto" else base
    names = tuple(str(name) for name in base)
    if len(names) != d or not set(names) <= set(BASES):
        raise ValueError(
            f"base must be one name for all columns or a sequence of {d} names, one for each "
            f"column of X, out of {', '.join(map(repr, BASES))}; got {list(names)!r}."
        )
    return names


def _resolve_order(order, d, seed):
    """Return the order as a tuple of all column indices; None for flows that have none."""
    if order is None:
        return None
    if isinstance(order, str):
        # a stream of its own: the seed has drawn the spread of repeated values too
        drawn = np.random.default_rng([seed, 1]).permutation(d)
        natural = np.arange(d)
        order = dict(zip(ORDERS, (natural, natural[::-1], drawn), strict=True))[order]
    columns = np.asarray(order)
    whole = columns.ndim == 1 and np.issubdtype(columns.dtype, np.integer)
    if not whole or sorted(columns) != list(range(d)):
        raise ValueError(
            f"order must be {', '.join(map(repr, ORDERS))} or a sequence that holds the index of "
            f"each column of X once, the integers 0 to {d - 1}; got {order!r}."
        )
    return tuple(columns.tolist())


def _n_members(n):
    if n < MIN_ROWS_TO_HOLD_OUT:
        return 1
    return 5 if n <= 5_000 else 2


def _validation_fraction(n, n_members):
    if n < MIN_ROWS_TO_HOLD_OUT:
        return 0.0
    return min(0.2, 1 / n_members) if n < 1_000 else 0.1


def _folds(n, n_members, fraction):
    """Members that can have a fold of their own, and the number of folds; 0 holds nothing out."""
    n_members = min(n_members, n)
    if fraction == 0:
        return 1, 0
    n_folds = max(n_members, round(1 / fraction), 2)
    n_folds = min(n_folds, n)
    return min(n_members, n_folds), n_folds


def _given_folds(n, holder):
    """Members and folds where each row's holder (n,) is settled."""
    sizes = np.bincount(holder[holder >= 0])
    if not sizes.all():
        raise ValueError(
            f"fold {int(sizes.argmin())} holds no distinct row out; take fewer folds."
        )
    return len(sizes), max(2, round(n / sizes.min()))


def _hidden_features(n, d):
    return (128, 128) if n > 10_000 and d > 4 else (64, 64)


def _trace(hidden, d):
    """Exact where that is as cheap as a probe, see :class:`skflow.nets.VelocityField`."""
    return "exact" if len(hidden) <= 2 or d <= 2 else "hutchinson"


def _checked_widths(hidden):
    if hidden is None:
        return None
    widths = list(hidden)
    if not widths or not all(isinstance(h, Integral) and h >= 1 for h in widths):
        raise ValueError(
            "hidden_features must be a sequence of one or more positive integers, the width of "
            f"each hidden layer, got {hidden!r}."
        )
    return tuple(int(h) for h in widths)


def _learning_rate(n_train):
    return 1e-3 * float(np.clip(math.sqrt(n_train / 150), 1, 4))


def _batch_size(n_train):
    return int(np.clip(n_train / 4, 32, 512))


def _max_epochs(n_train, d, batch_size, n_members, n_folds):
    if not n_folds:
        return 20  # nothing tells when to stop
    steps_per_epoch = max(1, round(n_train / batch_size))
    steps = min(300 + 220 * d, 2_500, WORK / (n_members * batch_size * d))
    growth = max(1.0, math.sqrt(n_train / 20_000))  # long tables are worth a longer look
    return max(1, math.ceil(steps * growth / steps_per_epoch))


def _input_noise(n):
    return 0.05 * min(1.0, math.sqrt(300 / n)) if n < 5_000 else 0.0
