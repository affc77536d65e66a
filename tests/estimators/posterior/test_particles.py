"""Particles by their energy, by rows of them, and by both."""

import numpy as np
import pytest
import torch

import skflow
from skflow import FlowVariationalApproximator
from skflow.variational import _particles

PAIR = {"particles": 2, "dim": 1}
SPRING = 2.0  # of the energy of two particles on a line


def log_density(rows):
    return -0.5 * SPRING * (rows[:, 0] - rows[:, 1]).square()


def rows(n=300):
    half = np.random.default_rng(0).normal(0, np.sqrt(1 / SPRING), n) / 2
    return np.column_stack([half, -half]) + 3.0


def small(**settings):
    defaults = {
        "symmetry": PAIR,
        "hidden_features": (8,),
        "max_epochs": 1,
        "learning_rate": 3e-3,
        "random_state": 0,
    }
    return FlowVariationalApproximator(**{**defaults, **settings})


@pytest.fixture(scope="module")
def by_energy():
    return small().fit(log_density)


def test_the_energy_alone_is_enough(by_energy):
    assert by_energy.verdict_ == "good"
    assert by_energy.flow_kind_ == "equivariant"
    assert by_energy.n_features_in_ == 2
    # over the one dimension around the centre, along (1, -1) / sqrt(2)
    exact = 0.5 * np.log(2 * np.pi / (2 * SPRING))
    assert by_energy.log_evidence_ == pytest.approx(exact, abs=0.01)
    spread = by_energy.expectation(lambda z: (z[:, 0] - z[:, 1]) ** 2)
    assert spread == pytest.approx(1 / SPRING, abs=0.02)
    assert by_energy.modes_.shape == (0, 2)


def test_rows_alone_may_be_enough(monkeypatch):
    monkeypatch.setattr(_particles, "matching_epochs", lambda n: 150)
    model = small(max_epochs=20).fit(log_density, rows=rows(150))
    assert {record["stage"] for record in model.history_} == {"rows"}
    assert model.verdict_ == "good"


def test_scores_do_not_change_with_order_and_place(by_energy):
    placed = rows(20)
    scores = by_energy.score_samples(placed)
    np.testing.assert_allclose(by_energy.score_samples(placed[:, ::-1] - 7), scores, atol=1e-9)


def test_files_keep_it(by_energy, tmp_path):
    by_energy.save(tmp_path / "model.safetensors")
    again = skflow.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.score_samples(rows(9)), by_energy.score_samples(rows(9)))


@pytest.mark.parametrize(
    ("settings", "given", "message"),
    [
        ({"flow": "iaf"}, {}, "go with symmetry"),
        ({"flow": "equivariant", "symmetry": None, "n_features": 2}, {}, "go with symmetry"),
        ({"symmetry": None, "n_features": 2}, {"rows": rows()}, "go with symmetry"),
        ({"n_features": 3}, {}, "n_features has 3"),
        ({"support": {0: (0, None)}}, {}, "would break symmetry"),
        ({}, {"context": rows()}, "would break symmetry"),
        ({"n_layers": 2}, {}, "has one layer"),
        ({}, {"rows": rows()[:, :1]}, "rows has 1"),
        ({}, {"rows": [[np.nan, 0.0], [1.0, 2.0]]}, "NaN"),
        ({"symmetry": {"particles": 2}}, {}, "must be a dict such as"),
    ],
    ids=str,
)
def test_what_does_not_go_with_particles_is_refused(settings, given, message):
    with pytest.raises(ValueError, match=message):
        small(**settings).fit(log_density, **given)


def test_a_density_that_is_finite_nowhere_is_refused():
    with pytest.raises(ValueError, match="finite at too few"):
        small().fit(lambda z: torch.full_like(z[:, 0], -torch.inf) + 0 * z.sum(dim=1))
