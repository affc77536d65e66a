"""Write the files that versions to come must be able to load; run once for each format.

Those that are there are left as they are: the names of new ones are new. With the repository's
root on the path: ``python tests/persistence/files/make.py``.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.neighbors import KernelDensity

import skflow
from skflow._persistence._layout import FORMAT
from tests.instances import quick

FOLDER = Path(__file__).parent
N = 30
SMALL = {"n_layers": 1, "hidden_features": (8,), "max_epochs": 2, "random_state": 0}


def _normal(n_features, seed=0):
    return np.random.default_rng(seed).normal(size=(N, n_features))


def _frame():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "size": rng.normal(size=N),
            "rooms": rng.integers(1, 5, size=N),
            "kind": rng.choice(["flat", "house"], size=N),
        }
    )
    frame.loc[::7, "size"] = np.nan
    return frame


def _declared():
    """Rows of an hour of the day, of a length rounded to halves, and of what is positive."""
    rng = np.random.default_rng(0)
    rounded = np.round(2 * rng.normal(size=N)) / 2
    return np.column_stack([rng.uniform(0, 24, size=N), rounded, rng.exponential(size=N)])


def _mixed():
    """A context of a number with holes and a category."""
    number = np.where(np.arange(N) % 5 == 0, np.nan, _normal(1, seed=1)[:, 0])
    return pd.DataFrame({"number": number, "kind": ["a", "b", "c"] * (N // 3)})


def _quick(cls, **settings):
    return lambda X, context=None: quick(cls, **settings).fit(X, context=context)


def _amortized(Z, context):
    settings = {"feature_names": ["slope", "offset"], "encoder_features": (8,)}
    approximator = skflow.FlowVariationalApproximator(n_features=2, **SMALL, **settings)
    return approximator.fit(lambda z, x: -((z - x) ** 2).sum(1) / 2, context=context)


def _stacked(X):
    pairs = [("other", KernelDensity()), ("mixture", quick(skflow.MixtureFlowDensity))]
    return skflow.StackedDensity(pairs, cv=2, random_state=0).fit(X)


def _labelled(X):
    mixture = quick(skflow.MixtureFlowDensity)
    return skflow.FlowClassifier(density=mixture, cv=2, random_state=0).fit(X, np.arange(N) % 2)


def _simulated(theta, x):
    laws = [(-4, 4), stats.norm(scale=1.5)]
    density = quick(skflow.MixtureFlowDensity)
    given = {"density": density, "method": "npe", "embedding": "perceptron", "random_state": 0}
    return skflow.SimulationPosterior(prior=laws, **given).fit(theta, x)


DECLARED = {"support": {2: (0, None)}, "resolution": {1: 0.5}, "periodic": {0: 24}}
PARTICLES = {"particles": 3, "dim": 2}
# what each is asked, which is also what it is fitted to
ASKED = {
    "approximator-given": (_normal(2), _normal(2, seed=1)),
    "classifier": (_normal(2),),
    "declared": (_declared(),),
    "pool": (_normal(2),),
    "given": (_normal(2), _mixed()),
    "mixture-given": (_normal(2), _normal(1, seed=1)),
    "simulations": (_normal(2), _normal(2) + 0.3 * _normal(2, seed=1)),
    "stack-of-kernels": (_normal(2),),
    "symmetric": (_normal(6),),
    "table": (_frame(),),
}
FITS = {
    "approximator-given": _amortized,
    "classifier": _labelled,
    "declared": _quick(skflow.NSFDensity, **DECLARED),
    "pool": lambda X: skflow.FlowOutlierDetector(cv=2, random_state=0).fit(X),
    "given": _quick(skflow.NSFDensity),
    "mixture-given": _quick(skflow.MixtureFlowDensity),
    "simulations": _simulated,
    "stack-of-kernels": _stacked,
    "symmetric": _quick(
        skflow.ContinuousFlowDensity, symmetry=PARTICLES, preprocessing="auto", base="auto"
    ),
    "table": lambda X: skflow.TableDensity(
        hidden_features=(8,), n_members=1, n_orders=2, max_steps=9, random_state=0
    ).fit(X),
}

if __name__ == "__main__":
    for name, fit in FITS.items():
        path = FOLDER / f"{name}-format-{FORMAT}.safetensors"
        if not path.exists():
            model = fit(*ASKED[name])
            model.save(path)
            np.save(FOLDER / f"{name}-scores.npy", model.score_samples(*ASKED[name]))
            print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")
