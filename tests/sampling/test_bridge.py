"""Bridge sampling against constants that are known."""

import numpy as np
import pytest
from scipy import stats

from skflow.sampling import bridge_evidence

PROPOSALS = {
    "itself": stats.norm(1, 2),
    "wider": stats.norm(0, 4),
    "narrower": stats.norm(1, 1),
    "heavier tails": stats.t(3, 1, 2),
    "apart": stats.norm(4, 1.5),
}


def ratios(proposal, rng, n=2_000):
    """Log p - log q at draws of p, whose log constant is 5, and at draws of q."""
    exact = stats.norm(1, 2)
    own, other = exact.rvs(n, random_state=rng), proposal.rvs(n, random_state=rng)
    return tuple(5.0 + exact.logpdf(x) - proposal.logpdf(x) for x in (own, other))


class TestBridge:
    @pytest.mark.parametrize("name", PROPOSALS)
    def test_constant_and_error(self, name):
        rng = np.random.default_rng(0)
        found = [bridge_evidence(*ratios(PROPOSALS[name], rng)) for _ in range(100)]
        estimates = np.array([each.log_evidence for each in found])
        errors = np.array([each.standard_error for each in found])
        assert estimates.mean() == pytest.approx(5, abs=0.4 * errors.mean() + 1e-9)
        assert estimates.std() == pytest.approx(errors.mean(), rel=0.25, abs=1e-9)
        assert errors[0] == pytest.approx(np.hypot(found[0].of_draws, found[0].of_proposals))

    def test_weights_count(self):
        rng = np.random.default_rng(0)
        q = PROPOSALS["wider"]
        own, other = q.rvs(8_000, random_state=rng), q.rvs(8_000, random_state=rng)
        at_own, at_other = (stats.norm(1, 2).logpdf(x) - q.logpdf(x) for x in (own, other))
        found = bridge_evidence(at_own, at_other, weights=np.exp(at_own))
        assert abs(found.log_evidence) < 4 * found.standard_error < 0.1

    def test_draws_of_weight_zero_are_none(self):
        at_draws, at_proposal = ratios(PROPOSALS["wider"], np.random.default_rng(0))
        expected = bridge_evidence(at_draws, at_proposal)
        more, weights = np.append(at_draws, np.zeros(3_000)), np.repeat([1.0, 0.0], [2_000, 3_000])
        found = bridge_evidence(more, at_proposal, weights=weights)
        assert found.log_evidence == pytest.approx(expected.log_evidence, abs=1e-9)
        assert found.standard_error == pytest.approx(expected.standard_error, rel=1e-6)

    def test_proposals_far_out(self):
        """Where p is next to nothing at most of the draws of q, the root is still found."""
        rng = np.random.default_rng(0)
        at_draws, at_proposal = ratios(PROPOSALS["wider"], rng)
        far = np.concatenate([at_proposal, -np.geomspace(1, 1e9, 500)])
        found = bridge_evidence(at_draws, far)
        assert found.log_evidence == pytest.approx(5 - np.log(2_500 / 2_000), abs=0.1)

    def test_what_shares_no_draw(self):
        found = bridge_evidence(np.full(10, 800.0), np.full(10, -np.inf))
        assert np.isnan(found.log_evidence)
        assert found.standard_error == np.inf
        assert bridge_evidence(np.full(10, 900.0), np.full(10, -900.0)).standard_error == np.inf
