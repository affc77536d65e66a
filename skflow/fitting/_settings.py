"""What "auto" means: every default that depends on the table, in one place.

n is the number of training rows and d the number of columns. The rules were measured on tables
from 90 rows to 16,000 and from 2 columns to 75; ``benchmarks/`` has the figures.
"""

import math
from numbers import Integral

import numpy as np

from skflow._threads import threads
from skflow.fitting._dealing import held_out, wanted_folds
from skflow.fitting._plan import Plan, shaping_parameters

__all__ = [
    "BASES",
    "ORDERS",
    "PREPROCESSING",
    "deeper_if_long",
    "members_and_share",
    "resolve_base",
    "settle",
    "settle_preprocessing",
    "units_hold",
]

PREPROCESSING = ("auto", "standardize", "rescale", "whiten", "gaussianize", "none")
BASES = ("normal", "student_t", "uniform", "mixture")
ORDERS = ("natural", "reversed", "random")
# Largest unit of a column, and smallest by 1 over it, with which flows of a dtype can do.
FARTHEST_UNITS = {"float32": 1e9, "float64": 1e75}
# entries of the table that training may pass over, up to 20,000 rows: minutes on one core
WORK = 6e7
# Rows from which on a table is long: nets and batches are larger there, and rates lower. Of so
# many rows each is seen once, of fewer more often. ``benchmarks/streams.py`` has the figures.
LONG, SEEN_ONCE = 750_000, 20_000_000
SLOWER_FROM = 200_000  # rows, beyond which rates fall with the root of their number
# steps without a better validation loss of the averaged weights after which training ends
PATIENCE_STEPS = 50


def settle_preprocessing(estimator, table, family, kept):
    """Resolve ``preprocessing``, which the rows decide and not their number.

    Parameters
    ----------
    estimator : BaseFlowDensity
    table : Table
    family : Family
        Of the estimator's family.
    kept : dict
        Values of the last fit that a warm start goes on with.

    Returns
    -------
    preprocessing : str
    """
    from skflow.fitting._base_kinds import heavy_columns
    from skflow.fitting._preprocessing import choose_preprocessing

    given = kept.get("preprocessing", estimator.preprocessing)
    if given == "none" and not units_hold(table.values, estimator.dtype):
        return "standardize"
    if given != "auto":
        return given
    if "preprocessing" in family.auto:
        return family.auto["preprocessing"]
    base = resolve_base(
        _base(estimator, table.n_features, table.n_context, given), table.n_features
    )
    if heavy_columns(base, table.n_features).any():
        return "standardize"  # normal scores have no heavy tails
    start = table.start()
    with threads(family.n_threads):
        return choose_preprocessing(table.bounds, start.rows(), start.weight)


def units_hold(X, dtype, widest=np.inf):
    """Whether columns of X (n, d) as they are can be told from 0 and squared in a dtype.

    With ``widest``, whether their units also differ by no more than such a factor.
    """
    sizes = 0.5 * X.max(axis=0) - 0.5 * X.min(axis=0)
    sizes = sizes[sizes > 0] if sizes.any() else np.ones(1)
    low, high = sizes.min(), sizes.max()
    farthest = FARTHEST_UNITS[dtype]
    return low > 1 / farthest and high < farthest and high / widest < low


def settle(estimator, family, n, d, preprocessing, *, n_context=0, holder=None, seed=0, kept=None):
    """Resolve every other "auto" of an estimator: the plan of its fit to n rows of d columns.

    Parameters
    ----------
    estimator : BaseFlowDensity
    family : Family
    n, d : int
    preprocessing : str
    n_context : int
    holder : ndarray of shape (n,), optional
        The member that is to hold each row out, if that is settled.
    seed : int
        Draws a random order of the columns.
    kept : dict, optional

    Returns
    -------
    plan : Plan
    """
    kept = kept or {}
    if family.symmetry is not None:
        family.symmetry.check_columns(d)
    chosen = _chooser(estimator, family, kept, n)
    n_members, n_folds, fraction = held_out(n, holder, chosen)
    n_train = n - n // n_folds if n_folds else n
    batch_size = min(chosen("batch_size", lambda: _batch_size(n_train)), n_train)
    n_seen = d + n_context  # by a net
    hidden = _checked_widths(chosen("hidden_features", lambda: _hidden_features(n, n_seen)))
    return Plan(
        n_features=d,
        n_context=n_context,
        n_threads=family.n_threads,
        parameters=shaping_parameters(estimator),
        n_layers=chosen("n_layers", None),
        n_scales=chosen("n_scales", lambda: 1),
        hidden_features=hidden,
        n_bins=chosen("n_bins", lambda: 8),
        n_directions=chosen("n_directions", lambda: min(d, 16)),
        trace=chosen("trace", lambda: _trace(hidden, d)),
        preprocessing=preprocessing,
        base=resolve_base(
            chosen("base", lambda: _base(estimator, d, n_context, preprocessing)), d
        ),
        order=_resolve_order(kept.get("order", getattr(estimator, "order", None)), d, seed),
        n_members=n_members,
        n_folds=n_folds,
        max_epochs=chosen(
            "max_epochs", lambda: _max_epochs(n_train, n_seen, batch_size, n_members, n_folds)
        ),
        batch_size=batch_size,
        learning_rate=float(chosen("learning_rate", lambda: _learning_rate(n_train))),
        dropout=chosen("dropout", lambda: 0.1 if n < 5_000 else 0.0),
        input_noise=float(chosen("input_noise", lambda: _input_noise(n, n_context))),
        validation_fraction=fraction,
        n_iter_no_change=chosen("n_iter_no_change", lambda: _patience(n_train, batch_size)),
        symmetry=family.symmetry,
    )


def _chooser(estimator, family, kept, n):
    """Return the function that says what a parameter is, given the rule for "auto"."""

    def chosen(name, rule):
        if name in kept:
            return kept[name]
        value = getattr(estimator, name, None)  # not every flow has every parameter
        if not (isinstance(value, str) and value == "auto"):
            return value
        own = family.auto.get(name)
        if own is None:
            return rule()
        return own(n) if callable(own) else own

    return chosen


def _base(estimator, d, n_context, preprocessing):
    """Return the base that was asked for, or what "auto" is.

    A mixture of all rows describes them well; what is left of one column when a context has been
    at work is one heap with heavy tails: on regression tables a Student-t base scores 0.1 nats
    higher, and where two modes part 0.01 lower. Behind a bound or normal scores, whose maps bend a
    power's tails to some without a mean, the mixture stays.
    """
    if not (isinstance(estimator.base, str) and estimator.base == "auto"):
        return estimator.base
    bent = estimator.support or preprocessing == "gaussianize"
    return "student_t" if n_context and d == 1 and not bent else "mixture"


def resolve_base(base, d):
    """Return the name of the base of all d latent columns, or a tuple with a name for each."""
    if isinstance(base, str):
        return base
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


def members_and_share(estimator, family, n):
    """Members of a fit to n rows, and the share of the rows that each is to hold out."""
    return wanted_folds(n, _chooser(estimator, family, {}, n))


def _hidden_features(n, d):
    if n < LONG:
        return (128, 128) if n > 10_000 and d > 4 else (64, 64)
    return (256, 256) if d > 4 else (128, 128)


def deeper_if_long(n_layers):
    """Return the rule for layers of a flow with so many, of which very long tables get twice."""
    return lambda n: n_layers if n < LONG else 2 * n_layers


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
    slower = float(np.clip(math.sqrt(SLOWER_FROM / n_train), 0.25, 1))
    return 2e-3 * slower * float(np.clip(math.sqrt(n_train / 150), 1, 4))


def _batch_size(n_train):
    return int(np.clip(n_train / 4, 32, 512)) if n_train < LONG else 1024


def _max_epochs(n_train, d, batch_size, n_members, n_folds):
    if not n_folds:
        return 20 if n_train < LONG else 1  # nothing tells when to stop
    if n_train >= LONG:
        return max(1, int((SEEN_ONCE / n_train) ** 0.4))
    steps = min(300 + 220 * d, 2_500, WORK / (n_members * batch_size * d))
    growth = max(1.0, math.sqrt(n_train / 20_000))  # longer tables are worth a longer look
    return max(1, math.ceil(steps * growth / _steps_per_epoch(n_train, batch_size)))


def _patience(n_train, batch_size):
    return max(3, math.ceil(PATIENCE_STEPS / _steps_per_epoch(n_train, batch_size)))


def _steps_per_epoch(n_train, batch_size):
    return max(1, round(n_train / batch_size))


def _input_noise(n, n_context):
    if n >= 5_000:
        return 0.0
    # of a column's spread, or of what a regression on the context leaves of it
    return (
        0.1 * min(1.0, math.sqrt(1_000 / n)) if n_context else 0.05 * min(1.0, math.sqrt(300 / n))
    )
