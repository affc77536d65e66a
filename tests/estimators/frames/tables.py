"""Tables to ask questions about."""

import numpy as np
import pandas as pd

from skflow import TableDensity
from skflow.conditionals import _scales
from skflow.fitting._preprocessing import fit_preprocessing

__all__ = ["mixed_table", "quick", "standardized"]


def mixed_table(n=240, holes=0.1, seed=0):
    """Numbers, integers, labels, dates; a copy and a constant; holes in most columns."""
    rng = np.random.default_rng(seed)
    size = rng.normal(size=n)
    table = pd.DataFrame(
        {
            "size": size,
            "count": rng.poisson(np.exp(1 + 0.5 * size)),
            "price": np.round(1_000 * np.exp(size + 0.3 * rng.normal(size=n))).astype(int),
            "kind": np.where(size + 0.3 * rng.normal(size=n) > 0, "large", "small"),
            "flag": rng.random(n) < 0.3,
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), "D"),
            "unit": 7,
        }
    )
    for name in ("size", "kind", "day"):
        table.loc[rng.random(n) < holes, name] = None
    table["size again"] = table["size"]
    return table


def standardized(monkeypatch):
    """Only scale columns of numbers: to learn their shapes takes nearly all of a quick fit."""

    def scaled(kind, *args):
        assert kind == "gaussianize"
        return fit_preprocessing("standardize", *args)

    monkeypatch.setattr(_scales, "fit_preprocessing", scaled)


def quick(**settings):
    """Return a density whose fit takes a moment, for tests of all but its quality."""
    return TableDensity(
        **(
            {"n_members": 2, "hidden_features": (32, 32, 32), "max_steps": 60, "random_state": 0}
            | settings
        )
    )
