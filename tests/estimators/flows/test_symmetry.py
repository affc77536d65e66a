"""Flows of particles: what must not change a density, its measure, and what breaks it."""

import numpy as np
import pytest
import torch
from sklearn.base import clone

import skflow
from skflow import ContinuousFlowDensity
from tests.persistence.test_round_trip import check_same, reloaded

PAIR, PLANE = {"particles": 2, "dim": 2}, {"particles": 3, "dim": 2}
WELLS = 2.0, 1.0  # of the distance of two particles: between the wells, and from there to each


def small(symmetry, **settings):
    defaults = {"hidden_features": (8,), "max_epochs": 3, "random_state": 0}
    return ContinuousFlowDensity(symmetry=symmetry, **{**defaults, **settings})


def energy(rows):
    """Two wells of the distance of two particles."""
    distance = np.linalg.norm(rows[:, :2] - rows[:, 2:], axis=1)
    return 4 * ((distance - WELLS[0]) ** 2 - WELLS[1] ** 2) ** 2


def pairs(n, seed):
    """Exact rows of two particles in the plane with that energy, somewhere in it."""
    rng = np.random.default_rng(seed)
    grid = np.linspace(1e-3, 5, 5_001)
    at_grid = np.column_stack([grid, np.zeros((len(grid), 3))])
    cumulated = np.cumsum(grid * np.exp(-energy(at_grid)))
    distance = np.interp(rng.uniform(size=n), cumulated / cumulated[-1], grid)
    angle = rng.uniform(0, 2 * np.pi, n)
    way = distance[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    centre = rng.normal(size=(n, 2))
    return np.hstack([centre + way / 2, centre - way / 2])


def triples(n=60, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 6))


@pytest.fixture(scope="module")
def of_pairs():
    return small(PAIR, max_epochs=100).fit(pairs(1_000, 0))


@pytest.fixture(scope="module")
def of_triples():
    return small(PLANE, max_epochs=20).fit(triples())


def turned(rows, sign):
    """Rows of three particles in another order, turned, reflected for -1 and shifted."""
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(2, 2)))[0]
    rotation[:, 0] *= sign * np.sign(np.linalg.det(rotation))
    particles = rows.reshape(-1, 3, 2)[:, [2, 0, 1]]
    return (particles @ rotation + [5.0, -3.0]).reshape(len(rows), -1)


def test_likelihood_goes_on_where_matching_ends():
    X, rows = pairs(200, 0), pairs(500, 1)
    matched = small(PAIR, max_epochs=20).fit(X)
    sharp = small(PAIR, max_epochs=20, likelihood_epochs=4).fit(X)
    stages = [record["stage"] for record in sharp.history_]
    assert stages == 20 * ["matching"] + 4 * ["likelihood"]
    assert sharp.n_iter_ == 24
    assert sharp.score(rows) > matched.score(rows) + 0.002
    assert sharp.score_samples(rows[:5, [2, 3, 0, 1]]) == pytest.approx(
        sharp.score_samples(rows[:5]), abs=1e-9
    )


def test_likelihood_after_matching_takes_a_symmetry():
    with pytest.raises(ValueError, match="matched, which takes a symmetry"):
        small(None, likelihood_epochs=2).fit(triples())


@pytest.mark.parametrize("sign", [1, -1])
def test_scores_do_not_change_with_order_axes_and_place(of_triples, sign):
    rows = triples(30, 1)
    scores = of_triples.score_samples(rows)
    assert np.ptp(scores) > 1
    np.testing.assert_allclose(of_triples.score_samples(turned(rows, sign)), scores, atol=1e-9)


def test_the_density_integrates_to_one_around_the_centre(of_pairs):
    # in polar coordinates of the plane (u, -u) / sqrt(2), all angles in turn
    edges = 8 * np.linspace(0, 1, 4_001) ** 2
    radius, width = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    angle = np.arange(len(radius))
    u = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    scores = of_pairs.score_samples(np.hstack([u, -u]) / np.sqrt(2))
    total = (2 * np.pi * radius * width) @ np.exp(scores)
    assert total == pytest.approx(1, abs=1e-3)


def test_energies_of_draws_are_those_of_rows(of_pairs):
    rows, draws = pairs(5_000, 2), of_pairs.sample(2_000, random_state=0)
    edges = np.quantile(energy(rows), np.linspace(0, 1, 6))
    edges[-1] = np.inf
    share = np.histogram(energy(draws), edges)[0] / len(draws)
    np.testing.assert_allclose(share, 0.2, atol=0.07)
    log_weights = -energy(draws) - of_pairs.score_samples(draws)
    weights = np.exp(log_weights - log_weights.max())
    weights /= weights.sum()
    assert 1 / (weights**2).sum() > 0.6 * len(draws)
    assert weights @ energy(draws) == pytest.approx(energy(rows).mean(), abs=0.15)


def test_draws_have_their_centre_at_zero(of_triples):
    draws = of_triples.sample(20, random_state=0)
    np.testing.assert_allclose(draws.reshape(-1, 3, 2).mean(axis=1), 0, atol=1e-12)


def test_latents_lead_back_to_rows_around_zero(of_triples):
    rows = triples(5, 2)
    again = of_triples.inverse_transform(of_triples.transform(rows))
    centred = rows.reshape(-1, 3, 2) - rows.reshape(-1, 3, 2).mean(axis=1, keepdims=True)
    np.testing.assert_allclose(again, centred.reshape(5, 6), atol=1e-5)


def test_units_move_the_density_by_the_free_dimensions_only():
    rows = triples()
    one, ten = (small(PLANE).fit(unit * rows) for unit in (1, 10))
    moved = ten.score_samples(10 * rows) - one.score_samples(rows)
    np.testing.assert_allclose(moved, -4 * np.log(10), atol=1e-3)


def test_what_was_settled_shows(of_triples):
    assert of_triples.preprocessing_ == "mean_free"
    assert of_triples.base_ == "harmonic"
    assert of_triples.n_members_ == 1
    assert of_triples.flow_.dtype == torch.float64
    held = of_triples.held_out_scores_
    assert of_triples.validation_score_ == pytest.approx(np.nanmean(held))


def test_without_held_out_rows_all_are_scored():
    model = small(PLANE, validation_fraction=0.0).fit(triples())
    assert model.validation_score_ == pytest.approx(model.score(triples()))


@pytest.mark.parametrize(
    "settings",
    [{}, {"n_members": 2}, {"symmetry": {**PLANE, "springs": [(0, 1), (1, 2)]}}],
    ids=["one", "ensemble", "springs"],
)
def test_files_and_clones(settings, tmp_path):
    model = clone(small(PLANE).set_params(**settings)).fit(triples())
    check_same(model, reloaded(model, tmp_path), triples())


def test_a_warm_start_goes_on(of_triples):
    model = small(PLANE, warm_start=True).fit(triples())
    losses = [record["validation_loss"] for record in model.history_]
    model.set_params(max_epochs=20).fit(triples())
    assert model.n_iter_ == 20
    assert model.history_[0]["validation_loss"] < losses[0]


def test_blocks_are_learnt():
    model = small(PLANE).partial_fit(triples(1_200)).partial_fit(triples(600, 1))
    rows = triples(20, 2)
    np.testing.assert_allclose(model.score_samples(turned(rows, -1)), model.score_samples(rows))


def test_springs_keep_rotations_but_not_every_order():
    chain = {**PLANE, "springs": [(0, 1), (1, 2)]}
    model, rows = small(chain).fit(triples()), triples(20, 1)
    scores = model.score_samples(rows)
    other_way = rows.reshape(-1, 3, 2)[:, ::-1].reshape(20, 6)
    np.testing.assert_allclose(model.score_samples(other_way), scores, atol=1e-9)
    assert np.abs(model.score_samples(turned(rows, 1)) - scores).max() > 0.1


@pytest.mark.parametrize(
    ("symmetry", "message"),
    [
        ({"particles": 3}, "must be a dict such as"),
        ({"particles": 3, "dim": 2, "mass": 1}, "must be a dict such as"),
        ({"particles": 1, "dim": 6}, "an integer from 2 on"),
        ({"particles": 3.0, "dim": 2}, "an integer from 2 on"),
        ({"particles": 3, "dim": True}, "an integer from 1 on"),
        ({"particles": 2, "dim": 2}, "are 4 columns"),
        ({**PLANE, "springs": [(0, 3)]}, "by numbers from 0 to 2"),
        ({**PLANE, "springs": [(0, 0)]}, "by numbers from 0 to 2"),
        ({**PLANE, "springs": 3}, "by numbers from 0 to 2"),
        ({**PLANE, "springs": [(0, 1)]}, "loose"),
    ],
    ids=str,
)
def test_other_symmetries_are_refused(symmetry, message):
    with pytest.raises(ValueError, match=message):
        small(symmetry).fit(triples())


@pytest.mark.parametrize(
    "settings",
    [
        {"n_layers": 2},
        {"preprocessing": "standardize"},
        {"base": "mixture"},
        {"base": ["normal"] * 6},
        {"support": {0: (0, None)}},
        {"resolution": {0: 1.0}},
        {"periodic": {0: 1.0}},
        {"context_columns": [0]},
        {"trace": "hutchinson"},
    ],
    ids=str,
)
def test_settings_that_break_the_symmetry_are_refused(settings):
    with pytest.raises(ValueError, match="would break symmetry"):
        small(PLANE, **settings).fit(triples())


def test_a_context_is_refused():
    with pytest.raises(ValueError, match="takes no context"):
        small(PLANE).fit(triples(), context=triples()[:, :1])


def test_students_have_no_centre(of_triples):
    with pytest.raises(ValueError, match="without symmetry"):
        skflow.distill(of_triples)
