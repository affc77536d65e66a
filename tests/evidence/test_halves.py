"""What a half of the draws says, against a constant that is known."""

import numpy as np
import pytest
from scipy import stats

from skflow.evidence._halves import evidence_of_half

P = stats.norm(1, 2)
PROPOSALS = {
    "itself": stats.norm(1, 2),
    "wider": stats.norm(0, 4),
    "narrower": stats.norm(1, 1.2),
    "heavier tails": stats.t(3, 1, 2),
}
NOTHING = np.empty(0)


def half(draws, q, rng, weight=None, points=NOTHING, m=2_000):
    """What draws say of a density whose log constant is 5, beside m draws of q."""
    proposals = q.rvs(m, random_state=rng)
    at_draws, at_proposals, at_points = (
        5.0 + P.logpdf(x) - q.logpdf(x) for x in (draws, proposals, points)
    )
    wide = stats.norm(0, 20)
    return evidence_of_half(
        np.atleast_2d(at_draws),
        at_proposals,
        weight,
        at_points,
        5 + P.logpdf(points) - wide.logpdf(points),
    )


class TestHalf:
    @pytest.mark.parametrize("name", PROPOSALS)
    def test_constants_and_errors(self, name):
        rng = np.random.default_rng(0)
        found = [half(P.rvs(2_000, random_state=rng), PROPOSALS[name], rng) for _ in range(60)]
        bridges = [(each.bridge.log_evidence, each.bridge.standard_error) for each in found]
        harmonics = [(each.harmonic, each.harmonic_error) for each in found]
        for kind in (bridges, harmonics):
            estimate, standard = np.array(kind).T
            error = estimate - 5
            assert abs(error.mean()) < 0.6 * standard.mean() + 1e-9
            assert error.std() == pytest.approx(standard.mean(), rel=0.4, abs=1e-9)

    def test_overlap(self):
        rng = np.random.default_rng(0)
        draws = P.rvs(2_000, random_state=rng)
        overlaps = [half(draws, stats.norm(mean, 2), rng).overlap for mean in (1, 3, 9)]
        assert overlaps[0] == pytest.approx(1, abs=1e-9)
        assert np.all(np.diff(overlaps) < -0.1)

    def test_a_slow_chain_is_worth_less(self):
        rng = np.random.default_rng(0)
        z = rng.normal(size=4_000)
        for t in range(1, len(z)):
            z[t] = 0.9 * z[t - 1] + (1 - 0.81) ** 0.5 * z[t]
        slow = half(1 + 2 * z, PROPOSALS["wider"], rng)
        quick = half(P.rvs(4_000, random_state=rng), PROPOSALS["wider"], rng)
        assert slow.n_effective < 0.3 * quick.n_effective
        assert slow.harmonic_error > 1.1 * quick.harmonic_error
        assert slow.bridge.standard_error > quick.bridge.standard_error

    def test_weights(self):
        rng = np.random.default_rng(0)
        wide = stats.norm(0, 4)
        draws = wide.rvs(4_000, random_state=rng)
        found = half(draws, PROPOSALS["heavier tails"], rng, P.pdf(draws) / wide.pdf(draws))
        assert abs(found.bridge.log_evidence - 5) < 4 * found.bridge.standard_error
        assert abs(found.harmonic - 5) < 4 * found.harmonic_error
        assert found.n_effective < 4_000

    def test_what_lies_beyond(self):
        """Draws of one side of p only: the other one is found by proposals or by points."""
        rng = np.random.default_rng(0)
        draws = P.rvs(4_000, random_state=rng)
        all_of_it = half(draws, PROPOSALS["wider"], rng)
        assert all_of_it.beyond[0].sum() < 0.02
        one_side = draws[draws < 1]
        narrow = stats.norm(-1, 1.2)
        by_proposals = half(one_side, narrow, rng).beyond[0]
        points = stats.norm(0, 20).rvs(400, random_state=rng)
        by_points = half(one_side, narrow, rng, points=points).beyond[1]
        assert by_proposals.sum() > 0.05
        assert by_points.sum() > 0.2

    def test_proposals_far_from_all_draws(self):
        found = evidence_of_half(
            np.full((1, 50), 900.0), np.full(50, -900.0), None, NOTHING, NOTHING
        )
        assert np.isnan(found.harmonic)
        assert found.overlap < 1e-3
