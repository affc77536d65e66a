"""Draws in all the forms that users have them in."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from arviz_base import from_dict

from skflow.evidence._draws import MOST_DRAWS, read_draws

RNG = np.random.default_rng(0)
CHAINS = RNG.normal(size=(4, 60, 3))


class TestForms:
    def test_chains(self):
        found = read_draws(CHAINS)
        np.testing.assert_array_equal(found.rows[found.places], CHAINS)
        assert found.names is None
        assert found.shapes == ((4, 60),)
        for given in (CHAINS.tolist(), torch.tensor(CHAINS, requires_grad=True)):
            np.testing.assert_array_equal(read_draws(given).rows, found.rows)

    @pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
    def test_frames(self, frame):
        table = frame({name: CHAINS[0, :, j] for j, name in enumerate("abc")})
        found = read_draws(table)
        np.testing.assert_array_equal(found.rows, CHAINS[0])
        assert found.names == ["a", "b", "c"]

    def test_arviz(self):
        data = from_dict({"posterior": {"mu": CHAINS[..., 0], "theta": CHAINS[..., 1:]}})
        for given in (data, data["posterior"], data["posterior"].dataset):
            found = read_draws(given)
            np.testing.assert_array_equal(found.rows[found.places], CHAINS)
            assert found.names == ["mu", "theta[0]", "theta[1]"]
        some = read_draws(data, var_names=["theta", "mu"])
        np.testing.assert_array_equal(some.rows[some.places], CHAINS[..., [1, 2, 0]])
        assert read_draws(data, var_names="mu").rows.shape == (240, 1)

    def test_older_arviz(self):
        """InferenceData has groups as attributes and by name, and lists them by a method."""
        posterior = from_dict({"posterior": {"mu": CHAINS[..., 0]}})["posterior"].dataset
        kind = type(
            "InferenceData",
            (),
            {"groups": lambda self: ["posterior"], "__getitem__": lambda self, name: posterior},
        )
        assert read_draws(kind()).names == ["mu"]


class TestHalves:
    def test_of_chains(self):
        first, second = read_draws(CHAINS).halves()
        np.testing.assert_array_equal(
            np.concatenate([first, second]), np.arange(240).reshape(4, 60)
        )

    def test_of_an_odd_number_of_chains(self):
        parts = read_draws(CHAINS[:3]).halves()
        assert [part.shape for part in parts] == [(2, 60), (1, 60)]

    def test_of_one_chain(self):
        first, second = read_draws(CHAINS.reshape(-1, 3)).halves()
        assert (first.max(), second.min()) == (119, 120)

    def test_of_weighted_draws(self):
        first, second = read_draws(CHAINS[0], np.zeros(60)).halves()
        np.testing.assert_array_equal(
            np.sort(np.concatenate([first, second], axis=1)[0]), range(60)
        )
        assert set(first[0] % 2) == {0}

    @pytest.mark.parametrize(
        ("shape", "n"), [((1, 240), 4), ((2, 120), 2), ((3, 60), 3), ((9, 60), 4)]
    )
    def test_groups(self, shape, n):
        groups = read_draws(RNG.normal(size=(*shape, 2))).groups()
        assert len(groups) == n
        assert sum(part.size for part in groups) == shape[0] * shape[1]


class TestWhatIsLeftOut:
    def test_long_chains_are_thinned_evenly(self):
        draws = RNG.normal(size=(2, MOST_DRAWS, 1))
        found = read_draws(draws)
        np.testing.assert_array_equal(found.rows, draws[:, ::2].reshape(-1, 1))
        np.testing.assert_array_equal(draws.reshape(-1, 1)[found.kept], found.rows)

    def test_weights_of_next_to_nothing(self):
        log_weights = np.where(np.arange(240) % 3 == 0, -800.0, 700.0)
        found = read_draws(CHAINS.reshape(-1, 3), log_weights)
        assert (found.kept % 3 > 0).all()
        assert len(found.kept) == 160
        assert found.weight.sum() == pytest.approx(1)


REFUSED = {
    "no numbers": ([["a", "b"]] * 60, {}, TypeError, "draws must be numbers; expected an array"),
    "one column without an axis": (CHAINS[0, :, 0], {}, ValueError, r"draws\[:, None\]"),
    "too many axes": (CHAINS[None], {}, ValueError, r"shape \(1, 4, 60, 3\); expected an array"),
    "not finite": (np.where(CHAINS > 2.5, np.nan, CHAINS), {}, ValueError, "column .* NaN"),
    "too few": (CHAINS[0, :50], {}, ValueError, "25 distinct rows that count, and 26 are needed"),
    "a constant column": (
        np.concatenate([CHAINS, np.ones((4, 60, 1))], axis=2),
        {},
        ValueError,
        "column 3 is the same in all draws of a half",
    ),
    "resampled": (
        CHAINS[0, RNG.integers(60, size=400)],
        {},
        ValueError,
        "look resampled or shuffled",
    ),
    "weights of chains": (
        CHAINS,
        {"log_weights": np.zeros((4, 60))},
        ValueError,
        r"one number for each row of draws \(n, d\)",
    ),
    "weights that are no numbers": (
        CHAINS[0],
        {"log_weights": np.r_[np.zeros(59), np.nan]},
        ValueError,
        "log_weights must be numbers.*row 59",
    ),
    "names of an array": (CHAINS, {"var_names": ["a"]}, ValueError, "var_names is for objects"),
    "lazy": (pl.LazyFrame({"a": [1.0]}), {}, TypeError, "draws is lazy"),
    "masked": (np.ma.masked_greater(CHAINS, 2), {}, ValueError, "draws"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    draws, options, error, match = REFUSED[name]
    with pytest.raises(error, match=match):
        read_draws(draws, **options)


class TestRefusedArviz:
    data = from_dict({"posterior": {"mu": CHAINS[..., 0]}, "prior": {"mu": CHAINS[..., 0]}})

    def test_unknown_variable(self):
        with pytest.raises(ValueError, match=r"must be some of \['mu'\], got \['nu'\]"):
            read_draws(self.data, var_names=["nu"])

    def test_no_posterior(self):
        with pytest.raises(ValueError, match="hold no group 'posterior', only"):
            read_draws(from_dict({"prior": {"mu": CHAINS[..., 0]}}))

    def test_variable_of_words(self):
        words = from_dict({"posterior": {"mu": np.full((4, 60), "a")}})
        with pytest.raises(TypeError, match="variable 'mu' holds .* name others"):
            read_draws(words)
