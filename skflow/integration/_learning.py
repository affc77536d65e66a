"""What rounds learn from all rows so far: channels that are fitted to them."""

import numpy as np
from scipy.special import logsumexp

from skflow.integration._channels import Channels, Flat
from skflow.integration._copula import CopulaNormals, scores_behind
from skflow.integration._separable import SeparableMap
from skflow.integration._truncated import TruncatedNormals
from skflow.sampling import Population, effective_number, fit_normals, shares_of

__all__ = ["Apprentice"]

WANTED = 0.25  # of the rows of a round, that must count effectively when a power is chosen
FIRST_POWER, FASTEST = 0.1, 2.5  # of the function at first, and by how much it may grow in a round
BISECTIONS = 30
A_PARAMETER = 2.0  # rows for each parameter of a normal
LOWEST_POWER, MET = 1e-6, 0.5  # and the share of rows that count there, of which the rest may go
LEFT = 0.05  # relative variance of the separable map, below which no normals are fitted
SMALL = 0.1  # share of a channel that is given up


class Apprentice:
    """All rows that were asked for, and what channels they ask for.

    Parameters
    ----------
    d : int
    rng : RandomState
    """

    def __init__(self, d, rng):
        self.d, self.rng = d, rng
        self.population = Population(None, d)
        self.power = 0.0
        self.shares = {"flat": 0.05, "separable": 0.45, "normals": 0.25, "copula": 0.25}

    def add(self, proposal, u, log_value):
        """Take up rows u (n, d) of a proposal, with the logs (n,) of absolute values."""
        self.population.log_target = lambda _: log_value
        self.population.add(_Drawn(proposal, u), len(u), None)

    def channels(self, n):
        """Fit all channels to rows so far, weighed by the highest power that n rows can bear."""
        population = self.population
        bearable = self._power(WANTED * n)
        self.power = min(bearable, max(FIRST_POWER, FASTEST * self.power))
        weight = shares_of(population.log_weights(self.power))
        u = population.rows
        log_value = population.log_density(self.power)
        separable = SeparableMap.fitted(u, log_value, population.log_mixture())
        parts = {"flat": Flat(), "separable": separable}
        if self._asks_for_normals(separable, log_value):
            if "normals" in self.shares:
                mixture = fit_normals(u, weight, self.rng).with_tails()
                parts["normals"] = TruncatedNormals.of(mixture)
            if "copula" in self.shares and self.power == 1:
                scores, _ = scores_behind(separable, u)
                mixture = fit_normals(scores, weight, self.rng).with_tails()
                parts["copula"] = CopulaNormals(separable, mixture)
        shares = np.array([self.shares[name] for name in parts])
        return Channels(parts, shares / shares.sum()).held_open(0.1)

    def _asks_for_normals(self, separable, log_value):
        """Whether the separable map leaves much to say, and there are enough rows to say it.

        Normals would shut around too few of them.
        """
        log_weight = log_value - self.population.log_mixture()
        if effective_number(log_weight) < A_PARAMETER * (self.d + self.d * (self.d + 1) / 2):
            return False
        log_ratio = log_value - separable.log_density(self.population.rows)
        square = logsumexp(log_weight + log_ratio) - logsumexp(log_weight)
        # the variance of f / g over the square of its mean
        return np.expm1(square - logsumexp(log_weight) + np.log(len(log_weight))) > LEFT

    def tell(self, channels):
        """Take down which shares were best; what had hardly any is not fitted again."""
        shares = dict(zip(channels.parts, channels.shares, strict=True))
        self.shares = {"separable": 0.0} | {
            name: share for name, share in shares.items() if name == "flat" or share > SMALL
        }

    def _power(self, wanted):
        # where f is zero every power of it is: no more rows count than those that met it
        met = effective_number(self.population.log_weights(LOWEST_POWER))
        wanted = min(wanted, MET * met)
        if effective_number(self.population.log_weights()) >= wanted:
            return 1.0
        low, high = LOWEST_POWER, 1.0
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            enough = effective_number(self.population.log_weights(middle)) >= wanted
            low, high = (middle, high) if enough else (low, middle)
        return low


class _Drawn:
    """Rows that a proposal has drawn already."""

    def __init__(self, proposal, rows):
        self.rows, self.log_density = rows, proposal.log_density

    def draw(self, _n, _rng):
        return self.rows
