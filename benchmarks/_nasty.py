"""Random nasty tables, small estimators of every kind, and what is asked of a fit."""

import warnings
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

import skflow
from skflow.tables._bounds import outside_support, resolve_support

# TableDensity takes tables of any kind, which these are not
DENSITIES = [
    getattr(skflow, name)
    for name in skflow.__all__
    if name.endswith("Density") and name != "TableDensity"
]
LARGEST = np.finfo(np.float64).max
N_DRAWS = 200
RANGES = 10  # beyond the rows, that draws of a light tail may reach
HEAVY = 1 / 3  # one over the tail index: of a Pareto tail, three moments are infinite from here
SURE = 2  # standard errors


def _bimodal(rng, n):
    return rng.integers(0, 2, n) + 10.0 ** rng.uniform(-9, -1) * rng.normal(size=n)


def _atoms(rng, n):
    return np.where(rng.random(n) < rng.uniform(0.05, 0.9), 0.0, rng.normal(size=n))


def _gross_error(rng, n):
    x = rng.normal(size=n)
    x[rng.integers(n)] = rng.choice([-1, 1]) * 10.0 ** rng.uniform(2, 9)
    return x


COLUMNS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "t": lambda rng, n: rng.standard_t(rng.uniform(1.5, 6), n),
    "Cauchy": lambda rng, n: rng.standard_cauchy(n),
    "lognormal": lambda rng, n: rng.lognormal(0, rng.uniform(0.3, 4), n),
    "uniform": lambda rng, n: rng.uniform(size=n),
    "integers": lambda rng, n: rng.poisson(10 ** rng.uniform(-1, 3), n).astype(float),
    "constant": lambda rng, n: np.full(n, rng.choice([0.0, 1.0, rng.normal()])),
    "rounding noise": lambda rng, n: np.where(rng.random(n) < 0.5, 0.3, 0.1 * 3),
    "atoms": _atoms,
    "narrow modes": _bimodal,
    "gross error": _gross_error,
    "offset": lambda rng, n: 10.0 ** rng.uniform(6, 15) + rng.normal(size=n),
}
RELATED = {
    "copy": lambda rng, x: x.copy(),
    "multiple": lambda rng, x: -3 * x,
    "nearly equal": lambda rng, x: (
        x + 10.0 ** rng.uniform(-12, -2) * _ranges(x) * rng.normal(size=len(x))
    ),
}


@dataclass
class Problem:
    """A table, its weights and bounds, and an estimator, all from one seed.

    Attributes
    ----------
    seed : int
    kinds : list of str
        Of the columns.
    X : ndarray of shape (n, d)
    weight : ndarray of shape (n,) or None
    support : dict or None
    estimator : BaseEstimator
    """

    seed: int
    kinds: list = field(init=False)
    X: np.ndarray = field(init=False)
    weight: np.ndarray | None = field(init=False)
    support: dict | None = field(init=False)
    estimator: object = field(init=False)

    def __post_init__(self):
        rng = np.random.default_rng(self.seed)
        self.kinds, self.X = _table(rng)
        self.weight = _weight(rng, len(self.X))
        self.support = _support(rng, self.X)
        self.estimator = _estimator(rng, self.support)

    def __str__(self):
        n, d = self.X.shape
        weighted = "" if self.weight is None else ", weighted"
        return f"{n} x {d} ({', '.join(self.kinds)}{weighted}), {self.estimator}"

    @cached_property
    def failures(self):
        """What went wrong, a list of pairs: its kind, and details."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                found = self._fit_and_look()
            except skflow.TrainingDivergedError as error:
                found = [("lost fit", str(error))]
            except Exception as error:  # whatever it is, the next table has its turn
                found = [("error", f"{type(error).__name__}: {error}")]
        runtime = [w for w in caught if issubclass(w.category, RuntimeWarning)]
        return found + [
            ("numpy's warning", f"{w.message}, {w.filename}:{w.lineno}") for w in runtime
        ]

    def _fit_and_look(self):
        weights = {} if self.weight is None else {"sample_weight": self.weight}
        model = self.estimator.fit(self.X, **weights)
        used = self.X if self.weight is None else self.X[self.weight > 0]
        draws = model.sample(N_DRAWS, random_state=0)
        scored = {"rows": used, "far rows": far_rows(used)}
        found = [
            (f"score of {name}", bad) for name, X in scored.items() if (bad := self._bad(model, X))
        ]
        if not np.isfinite(draws).all():
            return [*found, ("draws not finite", f"{(~np.isfinite(draws)).sum()} numbers")]
        if self._outside(draws).any():
            found.append(("draws outside", "of the declared support"))
        weight = None if self.weight is None else self.weight[self.weight > 0]
        return found + [
            ("draws far out", f"column {j}, {far:.3g} ranges")
            for j, far in _far_columns(model, used, weight, draws)
        ]

    def _outside(self, X):
        return outside_support(X, *resolve_support(self.support, X.shape[1]))

    def _bad(self, model, X):
        """Say what is wrong with the scores of X, "" if nothing is."""
        scores = model.score_samples(X)
        right = np.where(self._outside(X), scores == -np.inf, np.isfinite(scores))
        return "" if right.all() else f"{scores[~right][0]} of {X[~right][0].tolist()}"


def far_rows(X):
    """Finite rows a long way out, up to the largest numbers."""
    center, range_ = 0.5 * X.min(axis=0) + 0.5 * X.max(axis=0), _ranges(X)
    steps = [s * 10.0**e for e in (1, 3, 8, 30) for s in (-1, 1)]
    with np.errstate(over="ignore"):
        rows = [center + step * range_ for step in steps]
    rows += [np.full_like(center, value) for value in (0.0, -LARGEST, LARGEST)]
    rows += [np.where(np.arange(X.shape[1]) == 0, LARGEST, X[0])]
    return np.clip(rows, -LARGEST, LARGEST)


def tail_weight(x, weight=None):
    """One over the tail index of the upper tail of x (n,), and its standard error.

    The moment estimator on the fifth of the rows that lie farthest above the median. Its error is
    that for an index above 0, also where it is below, where it is smaller.

    References
    ----------
    Dekkers, Einmahl & de Haan (1989), A moment estimator for the index of an extreme-value
    distribution, Annals of Statistics 17(4), eq. 1.7 and corollary 3.2.
    """
    n = len(x) if weight is None else weight.sum() ** 2 / np.square(weight).sum()
    k = int(len(x) // 5)
    if k < 2:
        return 0.0, np.inf
    size = np.sort(x / max(np.abs(x).max(), np.finfo(float).tiny))
    size = size - np.median(size)
    top, threshold = size[-k:], size[-k - 1]
    if threshold <= 0:  # the median itself holds most of the rows: nothing is known of the tail
        return 0.0, np.inf
    log = np.log(top / threshold)
    first, second = log.mean(), np.square(log).mean()
    if second == 0:
        return -np.inf, 0.0
    gamma = first + 1 - 0.5 / max(1 - first**2 / second, 1e-9)
    return gamma, np.sqrt((1 + gamma**2) / max(k * n / len(x), 1))


def _table(rng):
    n, d = int(2 * 150 ** rng.random()), int(rng.integers(1, 9))
    kinds, columns = [], []
    for _ in range(d):
        if columns and rng.random() < 0.15:
            kinds.append(str(rng.choice(list(RELATED))))
            columns.append(RELATED[kinds[-1]](rng, columns[rng.integers(len(columns))]))
        else:
            kinds.append(str(rng.choice(list(COLUMNS))))
            scale = 10.0 ** rng.choice([0, 0, rng.uniform(-12, 12), rng.uniform(-290, 290)])
            columns.append(COLUMNS[kinds[-1]](rng, n) * scale)
    X = np.clip(np.column_stack(columns), -LARGEST, LARGEST)
    if rng.random() < 0.2:
        X = X[rng.integers(0, n, n)]
    if rng.random() < 0.2:
        X = X[np.argsort(X[:, 0])]
    return kinds, X


def _weight(rng, n):
    if rng.random() < 0.75:
        return None
    weight = rng.exponential(size=n) * (rng.random(n) < 0.8)
    weight[rng.permutation(n)[:2]] = 1.0
    return weight * 10.0 ** rng.uniform(-6, 6)


def _support(rng, X):
    """Bounds of some columns, on their extremes or a tenth of the range beyond."""
    support = {}
    for j, x in enumerate(X.T):
        if rng.random() < 0.2:
            room = rng.choice([0.0, 0.1]) if np.ptp(0.5 * x) > 1e-12 * np.abs(x).max() else 0.1
            room = room * _ranges(x)
            with np.errstate(over="ignore"):
                low, high = x.min() - room, x.max() + room
            low, high = (float(v) if np.isfinite(v) else None for v in (low, high))
            which = rng.integers(3)
            support[j] = (None if which == 0 else low, None if which == 1 else high)
    return support or None


def _estimator(rng, support):
    kind = DENSITIES[rng.integers(len(DENSITIES))]
    fields = kind.__dataclass_fields__
    settings = {
        "n_layers": int(rng.integers(1, 3)),
        "hidden_features": (8,),
        "n_members": int(rng.integers(1, 3)),
        "max_epochs": int(rng.integers(1, 4)),
        "preprocessing": _one(rng, "auto", "standardize", "whiten", "gaussianize", "none"),
        "base": _one(rng, "normal", "normal", "student_t", "mixture", "uniform"),
        "dtype": _one(rng, "float32", "float32", "float64"),
        "learning_rate": 10.0 ** rng.uniform(-3, -1),
        "cv": 2,
    }
    if kind is skflow.StackedDensity:
        kinds = skflow.KernelFlowDensity, skflow.MixtureFlowDensity, skflow.LinearFlowDensity
        pairs = [(kind.__name__.lower(), kind(support=support)) for kind in kinds]
        settings["estimators"], support = pairs, None  # which each candidate declares
    if kind is skflow.MixtureFlowDensity:
        settings["n_components"] = _one(rng, 1, 2, 3)
    if "image_shape" not in fields:
        settings["mixing"] = _one(rng, "plu", "qr", "orthogonal", "none")
    settings = {name: value for name, value in settings.items() if name in fields}
    return kind(**settings, support=support, random_state=0)


def _one(rng, *choices):
    return choices[rng.integers(len(choices))]


def _ranges(X):
    """How wide the columns are; of a constant, what it is spread over."""
    half = 0.5 * X.max(axis=0) - 0.5 * X.min(axis=0)  # the whole might overflow
    size = np.abs(X).max(axis=0)
    least = np.where(size > 0, 0.05 * size, 0.05)
    return np.where(half > 1e-15 * size, 2 * np.minimum(half, LARGEST / 2), least)


def _far_columns(model, X, weight, draws):
    """Yield the columns whose draws go far beyond the rows though their tails are light."""
    index = np.min(getattr(model, "tail_index_", np.inf))
    unscaled = getattr(model, "preprocessing", "auto") == "none"  # a base of the unit itself
    if index * HEAVY < 1 or unscaled:
        return
    ranges = _ranges(X)
    for j, x in enumerate(X.T):
        for sign in (-1, 1):
            # both divided first: the difference of large numbers overflows
            with np.errstate(over="ignore"):
                out, of_rows = (np.max(sign * t / ranges[j]) for t in (draws[:, j], x))
            far = float(out - of_rows)
            gamma, error = tail_weight(sign * x, weight)
            if far > RANGES and gamma + SURE * error < HEAVY:
                yield j, far
