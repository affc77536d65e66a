"""The stack in company: nested parameters, clones, searches, pickles, processes, candidates."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity

from skflow import (
    ContinuousFlowDensity,
    KernelFlowDensity,
    MAFDensity,
    MixtureFlowDensity,
    NSFDensity,
    StackedDensity,
)
from skflow.estimators.stack._candidates import stack_candidates
from tests.instances import quick


def rows(n=80, seed=0):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=n)
    return np.column_stack([a, a**2 + 0.1 * rng.normal(size=n)])


def pair():
    return [("kernel", quick(KernelFlowDensity)), ("gaussians", GaussianMixture(2))]


def stack(estimators=None, **settings):
    settings = {"cv": 3, "random_state": 0, **settings}
    return StackedDensity(pair() if estimators is None else estimators, **settings)


def around():
    return ContinuousFlowDensity(symmetry={"particles": 2, "dim": 1}, max_epochs=3)


def test_densities_of_particles_do_not_mix_with_those_of_all_columns():
    with pytest.raises(ValueError, match=r"\['around'\] have symmetry"):
        stack([("around", around()), ("gaussians", GaussianMixture(2))]).fit(rows())


def test_densities_of_particles_mix_with_each_other():
    model = stack([("one", around()), ("two", around())], cv=2).fit(rows())
    assert np.allclose(model.score_samples(rows()), model.score_samples(rows()[:, ::-1]))


class TestProtocol:
    def test_nested_parameters(self):
        model = stack()
        params = model.get_params()
        assert params["kernel__bandwidth"] == "full"
        assert params["gaussians"] is dict(model.estimators)["gaussians"]
        assert "kernel__bandwidth" not in model.get_params(deep=False)
        model.set_params(kernel__bandwidth="scalar", gaussians=KernelDensity(), cv=4)
        assert dict(model.estimators)["kernel"].bandwidth == "scalar"
        assert isinstance(dict(model.estimators)["gaussians"], KernelDensity)
        assert model.cv == 4
        with pytest.raises(ValueError, match="Invalid parameter 'flow'"):
            model.set_params(flow__n_layers=2)

    def test_nested_parameters_of_auto(self):
        model = StackedDensity()
        assert set(model.get_params()) == {
            *("estimators", "cv", "max_seconds", "n_jobs", "random_state", "verbose"),
            *("support", "resolution", "periodic", "context_columns"),
        }
        model.set_params(estimators=pair(), kernel__n_neighbors=3)
        assert dict(model.estimators)["kernel"].n_neighbors == 3
        assert model.set_params(estimators="auto").estimators == "auto"

    def test_clone_shares_nothing(self):
        model = stack()
        copy = clone(model)
        assert dict(copy.estimators)["kernel"] is not dict(model.estimators)["kernel"]
        copy.set_params(kernel__bandwidth="diagonal")
        assert dict(model.estimators)["kernel"].bandwidth == "full"

    def test_fit_leaves_the_listed_estimators_alone(self):
        model = stack().fit(rows())
        assert not hasattr(model.estimators[0][1], "flow_")
        assert model.estimators[1][1].random_state is None

    def test_grid_search_over_a_nested_parameter(self):
        grid = {"kernel__bandwidth": ["full", "scalar"], "cv": [2]}
        search = GridSearchCV(stack(), grid, cv=2, error_score="raise").fit(rows())
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()
        assert search.best_estimator_.cv == 2

    def test_pickle(self):
        model = stack([*pair(), ("flow", quick(MAFDensity, n_members=2))]).fit(rows())
        loaded = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(loaded.score_samples(rows()), model.score_samples(rows()))
        np.testing.assert_array_equal(
            loaded.sample(9, random_state=0), model.sample(9, random_state=0)
        )
        assert str(loaded.cv_scores_) == str(model.cv_scores_)

    def test_processes_side_by_side_give_the_same(self):
        pairs = [*pair(), ("flow", quick(MAFDensity, n_members=2, random_state=None))]
        alone, together = (stack(pairs, n_jobs=n).fit(rows()) for n in (None, 2))
        np.testing.assert_array_equal(together.score_samples(rows()), alone.score_samples(rows()))

    def test_data_frame_in(self):
        frame = pd.DataFrame(rows(), columns=["age", "size"])
        model = stack().fit(frame)
        assert list(model.feature_names_in_) == ["age", "size"]
        expected = stack().fit(rows()).score_samples(rows())
        np.testing.assert_array_equal(model.score_samples(frame), expected)

    def test_html(self):
        assert "StackedDensity" in stack()._repr_html_()
        assert "StackedDensity" in StackedDensity()._repr_html_()


class TestAuto:
    @pytest.mark.parametrize("n", [100, 3_000, 10_000, 50_000])
    def test_candidates_by_size(self, n):
        pairs = stack_candidates(n, 5)
        names = [name for name, _ in pairs]
        assert isinstance(pairs[0][1], NSFDensity)
        assert len(names) == len(set(names))
        assert set(names) <= {name for name, _ in stack_candidates(100, 5)}
        kinds = {type(estimator) for _, estimator in pairs}
        # scoring a row against every training row is for tables of bounded length
        assert (KernelFlowDensity in kinds) == (n <= 20_000)

    def test_wide_tables_get_fewer_flows(self):
        flows = [
            [name for name, _ in stack_candidates(1_000, d) if name.startswith("flow")]
            for d in (25, 26, 101)
        ]
        assert list(map(len, flows)) == [4, 2, 1]

    def test_nothing_looks_at_the_clock(self):
        every = [estimator for _, estimator in stack_candidates(100, 2)]
        assert all(estimator.max_seconds is None for estimator in every)

    def test_bounds_reach_every_candidate(self):
        bounds = {0: (0, None)}
        assert all(e.support == bounds for _, e in stack_candidates(100, 2, support=bounds))

    @staticmethod
    def few(n, d, support, **others):
        return [("kernel", quick(KernelFlowDensity, support=support, **others))]

    def test_bounds_of_a_table(self, monkeypatch):
        monkeypatch.setattr("skflow.estimators.stack._stack.stack_candidates", self.few)
        X = np.exp(rows())
        model = StackedDensity(support={0: (0, None)}, random_state=0).fit(X)
        assert (model.sample(500, random_state=0)[:, 0] > 0).all()
        assert model.score_samples([[-1.0, 1.0]]) == -np.inf

    def test_bounds_by_column_name(self, monkeypatch):
        monkeypatch.setattr("skflow.estimators.stack._stack.stack_candidates", self.few)
        frame = pd.DataFrame(np.exp(rows()), columns=["age", "size"])
        model = StackedDensity(support={"size": (0, None)}, random_state=0).fit(frame)
        assert (model.sample(500, random_state=0)[:, 1] > 0).all()
        with pytest.raises(ValueError, match="unknown column 'weight'"):
            StackedDensity(support={"weight": (0, None)}).fit(frame)

    @pytest.mark.slow
    def test_beats_each_candidate_on_fresh_rows(self):
        model = StackedDensity(random_state=0).fit(rows(400))
        fresh = rows(4_000, seed=1)
        for cls in (KernelFlowDensity, MixtureFlowDensity):
            assert model.score(fresh) > cls(random_state=0).fit(rows(400)).score(fresh) - 0.02
