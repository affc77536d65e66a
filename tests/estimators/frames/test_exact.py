"""Conditionals of any columns beside exact ones, where the distribution is known."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from skflow import TableDensity
from skflow.diagnostics import order_agreement

D = 4


class Normals:
    """A mixture of normals; ``labelled`` makes a column of which of them a row is from."""

    def __init__(self, n_components, labelled=False):
        rng = np.random.default_rng(n_components)
        self.share = np.arange(1, n_components + 1) / np.arange(1, n_components + 1).sum()
        self.mean = 2.0 * rng.normal(size=(n_components, D)) * (n_components > 1)
        roots = rng.normal(size=(n_components, D, D))
        self.covariance = roots @ roots.transpose(0, 2, 1) + 0.3 * np.eye(D)
        self.labelled = labelled

    def sample(self, n, seed):
        rng = np.random.default_rng(seed)
        which = rng.choice(len(self.share), n, p=self.share)
        noise = rng.normal(size=(n, D, 1))
        x = self.mean[which] + (np.linalg.cholesky(self.covariance)[which] @ noise)[..., 0]
        table = pd.DataFrame(x, columns=list("abcd"))
        return table.assign(label=np.array(list("xyz"))[which]) if self.labelled else table

    def log_density(self, table, columns):
        """Exact log density (n,) of some columns of a table."""
        numbers = [k for k, name in enumerate("abcd") if name in columns]
        joint = np.tile(np.log(self.share), (len(table), 1))
        if numbers:
            x = table.to_numpy()[:, numbers].astype(float)
            for k in range(len(self.share)):
                own = self.covariance[k][np.ix_(numbers, numbers)]
                joint[:, k] += multivariate_normal(self.mean[k][numbers], own).logpdf(x)
        if "label" in columns:
            return joint[np.arange(len(table)), table["label"].map("xyz".index)]
        return logsumexp(joint, axis=1)


MODELS = {
    "normal": Normals(1),
    "mixture": Normals(3),
    "mixture with labels": Normals(2, labelled=True),
}


def shortfalls(model, density, n_new):
    """Mean nats by which a density falls short of the exact one, by what is given."""
    table = model.sample(n_new, seed=1)
    every = list(table)
    found = {}
    for size in range(len(every)):
        for given in combinations(every, size):
            exact = model.log_density(table, every)
            exact = exact - (model.log_density(table, given) if given else 0.0)
            found[given] = float(np.mean(exact - density.score_samples(table, given=given)))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_any_conditional_is_near_the_exact_one(name):
    model = MODELS[name]
    density = TableDensity(random_state=0).fit(model.sample(10_000, seed=0))
    found = shortfalls(model, density, 2_000)
    assert max(found.values()) < 0.05
    assert min(found.values()) > -0.02  # chance alone makes it better than exact
    each = density.score_orders(model.sample(2_000, seed=1))
    assert order_agreement(each).gap < 0.1


def test_conditionals_of_a_quick_fit():
    model = MODELS["mixture with labels"]
    density = TableDensity(
        n_members=1, hidden_features=(64, 64, 64), max_steps=400, random_state=0
    )
    found = shortfalls(model, density.fit(model.sample(2_000, seed=0)), 150)
    assert max(found.values()) < 0.25
    without_any = np.log(2)
    assert found["a", "b", "c", "d"] < 0.1 * without_any


@pytest.mark.slow
def test_holes_cost_little():
    model = MODELS["mixture"]
    table, new = model.sample(5_000, seed=0), model.sample(2_000, seed=1)
    whole = TableDensity(random_state=0).fit(table).score(new)
    holes = table.mask(np.random.default_rng(0).random(table.shape) < 0.3)
    assert TableDensity(random_state=0).fit(holes).score(new) > whole - 0.1 * D
