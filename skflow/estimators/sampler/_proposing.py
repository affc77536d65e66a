"""A flow of weighted rows, and its share in the proposal of the chains."""

import numpy as np

from skflow.estimators._drawing import draw_from
from skflow.estimators.flows._autoregressive import NSFDensity
from skflow.sampling import PooledProposal, fit_shares, shares_of

__all__ = ["FlowProposal", "fit_flow_proposal", "with_flow"]

MOST_ROWS = 3_000  # that the flow learns from
N_LAYERS, MAX_EPOCHS = 3, 60


class FlowProposal:
    """A fitted density as a proposal."""

    def __init__(self, density):
        self.density = density

    def draw(self, n, rng):
        """Draw rows (n, d) with a numpy RandomState."""
        seed = rng.randint(np.iinfo(np.int32).max)
        if not n:
            return np.empty((0, self.density.n_features_in_))
        return draw_from(self.density, n, seed)

    def log_density(self, x):
        """Log densities (n,) of rows x (n, d)."""
        return self.density.score_samples(x)


def fit_flow_proposal(population, rng, verbose):
    """Fit a neural spline flow to rows of a population by their weights."""
    counts = rng.multinomial(MOST_ROWS, shares_of(population.log_weights()))
    density = NSFDensity(
        n_layers=N_LAYERS,
        n_members=1,
        max_epochs=MAX_EPOCHS,
        verbose=verbose,
        random_state=rng.randint(np.iinfo(np.int32).max),
    )
    used = counts > 0
    density.fit(population.rows[used], sample_weight=counts[used].astype(float))
    return FlowProposal(density)


def with_flow(population, proposal, flow, n, rng):
    """Ask for n rows of the proposal and the flow, and pool them by what these rows say.

    The rows are new, so that neither was fitted to them.
    """
    population.add(PooledProposal.equal([proposal, flow]), n, rng)
    return fit_shares(
        [proposal, flow], population.rows[-n:], shares_of(population.log_weights()[-n:])
    )
