"""What a fitted density says of each row of a context: moments, quantiles, shares below."""

import numpy as np

__all__ = ["OneNumber", "SeveralNumbers", "distribution_of"]

N_NODES = 1_000  # draws that stand for the distribution of several numbers
SEED = 20_1506  # of these, the same for every row


def distribution_of(density, calibration=None):
    """Make of a fitted density of y given a context what answers questions about y."""
    if density.n_features_in_ == 1:
        return OneNumber(density, calibration)
    return SeveralNumbers(density)


class OneNumber:
    """Distributions of one number, exact up to roundings.

    Parameters
    ----------
    density : fitted flow of one column, given a context
    calibration : Calibration, optional
        A monotone map of shares below.
    """

    def __init__(self, density, calibration=None):
        from skflow.fitting._column import ConditionalColumn

        low, high = (float(bound[0]) for bound in density.observation_.bounds[:2])
        self.density, self.calibration = density, calibration
        self.column = ConditionalColumn(density.flow_, (low, high), **density._workers)

    def log_density(self, y, context):
        """Of y (n, 1), (n,)."""
        scores = self.density.score_samples(y, context=context)
        if self.calibration is None:
            return scores
        return scores + np.log(self.calibration.density(self._share(y, context)))

    def cdf(self, y, context):
        """Of y (n, 1), (n, 1)."""
        share = self._share(y, context)
        return (share if self.calibration is None else self.calibration.apply(share))[:, None]

    def quantiles(self, levels, context):
        """At levels (q,) or, of each row its own, (n, q): (n, 1, q)."""
        levels = levels if self.calibration is None else self.calibration.inverse(levels)
        return self.column.quantiles(levels, context)[:, None]

    def moments(self, context):
        """Means and standard deviations, (n, 1) each."""
        mean, deviation = self.column.moments(
            context, None if self.calibration is None else self.calibration.density
        )
        return mean[:, None], deviation[:, None]

    def draws(self, n, seed, context):
        """(n_rows, n, 1)."""
        if self.calibration is None:
            return self.density.sample(n, random_state=seed, context=context)
        rng = np.random.default_rng(seed)
        draws, filled = np.empty((len(context), n)), np.zeros(len(context), dtype=int)
        while (filled < n).any():
            rows = np.flatnonzero(filled < n)
            for row, accepted in zip(rows, self._accepted(n, rng, context[rows]), strict=True):
                taken = accepted[: n - filled[row]]
                draws[row, filled[row] : filled[row] + len(taken)] = taken
                filled[row] += len(taken)
        return draws[:, :, None]

    def _accepted(self, n, rng, context):
        """For each row about n draws, of more by the density: as many as the calibration keeps."""
        bound = self.calibration.largest_density
        m = int(np.ceil(n * bound)) + 8
        tried = self.density.sample(m, random_state=int(rng.integers(2**31)), context=context)[
            ..., 0
        ]
        density = self.calibration.density(self.column.share_below(tried, context))
        keep = rng.uniform(size=tried.shape) * bound < density
        return [row[kept] for row, kept in zip(tried, keep, strict=True)]

    def _share(self, y, context):
        return self.column.share_below(y[:, 0], context)


class SeveralNumbers:
    """Distributions of several numbers: those of each column are of draws, the same always.

    All rows get the draws of the same noise, so that answers do not depend on the rows beside.
    """

    def __init__(self, density):
        self.density = density

    def log_density(self, y, context):
        """Of y (n, k) jointly, (n,)."""
        return self.density.score_samples(y, context=context)

    def cdf(self, y, context):
        """Of each column of y (n, k), (n, k)."""
        below = [
            (nodes <= row).mean(axis=0) for nodes, row in zip(self.nodes(context), y, strict=True)
        ]
        return np.stack(below)

    def quantiles(self, levels, context):
        """At levels (q,), (n, k, q)."""
        return np.stack([np.quantile(nodes, levels, axis=0).T for nodes in self.nodes(context)])

    def moments(self, context):
        """Means and standard deviations, (n, k) each."""
        pairs = [(nodes.mean(axis=0), nodes.std(axis=0)) for nodes in self.nodes(context)]
        return tuple(map(np.stack, zip(*pairs, strict=True)))

    def draws(self, n, seed, context):
        """(n_rows, n, k)."""
        return self.density.sample(n, random_state=seed, context=context)

    def nodes(self, context):
        """Draws (N_NODES, k) for one row of the context after the other."""
        for row in context:
            yield self.density.sample(N_NODES, SEED, context=row[None])[0]
