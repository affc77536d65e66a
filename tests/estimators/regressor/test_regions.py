"""Highest-density regions of densities that are known."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from skflow.estimators.regressor._regions import highest_density


class TwoHeaps:
    """Normals at -context and context."""

    def log_density(self, y, context):
        each = [norm.logpdf(y[:, 0], sign * context[:, 0]) for sign in (-1, 1)]
        return np.logaddexp(*each) - np.log(2)

    def cdf(self, y, context):
        return 0.5 * norm.cdf(y + context) + 0.5 * norm.cdf(y - context)

    def quantiles(self, levels, context):
        roots = [
            [brentq(lambda y, c=c, p=p: self.cdf(y, c) - p, -99, 99) for p in levels]
            for c in context[:, 0]
        ]
        return np.array(roots)[:, None]


def test_two_heaps_make_two_intervals_and_one_makes_one():
    context = np.array([[6.0], [0.0]])
    apart, together = highest_density(TwoHeaps(), context, 0.9)
    reach = norm.ppf(0.95)
    expected = [[-6 - reach, -6 + reach], [6 - reach, 6 + reach]]
    np.testing.assert_allclose(apart, expected, atol=0.02)
    np.testing.assert_allclose(together, [[-reach, reach]], atol=0.02)


@pytest.mark.parametrize("coverage", [0.1, 0.5, 0.99])
def test_they_hold_what_they_say(coverage):
    context = np.array([[0.5], [1.5], [3.0]])
    for given, region in zip(context, highest_density(TwoHeaps(), context, coverage), strict=True):
        low, high = region.T
        held = TwoHeaps().cdf(high, given) - TwoHeaps().cdf(low, given)
        assert held.sum() == pytest.approx(coverage, abs=3e-3)
