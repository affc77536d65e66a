"""Bases by name, one for all columns or one each: what is accepted, and what becomes of it."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from scipy import stats
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import InvalidParameterError

import skflow
from skflow.testing import check_density
from tests.estimators.test_nasty_tables import check, nasty_tables
from tests.instances import TRAINED, accepted, quick

NAMES = ("student_t", "uniform", "mixture", "normal")
every_trained_flow = pytest.mark.parametrize("cls", TRAINED, ids=lambda cls: cls.__name__)


def rows(n=80, d=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 3


def dealt(d):
    """Names of bases for d columns, all kinds in turn."""
    return [NAMES[column % len(NAMES)] for column in range(d)]


@every_trained_flow
@pytest.mark.parametrize("n_members", [1, 2])
def test_one_base_for_each_column(cls, n_members):
    model = quick(cls, base=dealt(5), n_members=n_members).fit(rows(d=5))
    assert model.base_ == ("student_t", "uniform", "mixture", "normal", "student_t")
    assert np.isfinite(model.tail_index_).tolist() == [True, False, False, False, True]
    Z = model.transform(rows(d=5))
    assert ((Z[:, 1] > 0) & (Z[:, 1] < 1)).all()
    np.testing.assert_allclose(model.inverse_transform(Z), rows(d=5), atol=1e-3)
    assert np.isfinite(model.score_samples(model.sample(50, random_state=0))).all()


def test_columns_of_one_name_share_a_distribution():
    model = quick(skflow.MAFDensity, base=["mixture", "normal", "mixture"]).fit(rows())
    base = model.flow_.base
    assert base.columns == [[0, 2], [1]]
    assert base.bases[0].n_features == 2
    assert type(quick(skflow.MAFDensity, base=["normal"] * 3).fit(rows()).flow_.base) is type(
        quick(skflow.MAFDensity, base="normal").fit(rows()).flow_.base
    )


@pytest.mark.parametrize("names", [np.array(["normal", "uniform"]), ("normal", "uniform")])
def test_names_in_any_sequence(names):
    assert quick(skflow.MAFDensity, base=names).fit(rows(d=2)).base_ == ("normal", "uniform")


@pytest.mark.parametrize(
    "names", [["normal", "cauchy"], ["normal"], ["normal"] * 3, ["auto", "normal"], [0, 1], []]
)
def test_wrong_names_and_wrong_length(names):
    message = "base must be one name .* a sequence of 2 names, one for each column of X"
    with pytest.raises(ValueError, match=message):
        quick(skflow.MAFDensity, base=names).fit(rows(d=2))


@pytest.mark.parametrize("base", ["cauchy", 3, None])
def test_what_names_no_base(base):
    with pytest.raises(InvalidParameterError, match="The 'base' parameter of MAFDensity must be"):
        quick(skflow.MAFDensity, base=base).fit(rows())


@every_trained_flow
def test_latents_start_in_their_columns(cls):
    """Whatever the layers do to the order, latent j is of column j before training."""
    X = rows(400, 4) * [1, 10, 100, 1000]
    for n_layers in (2, 3):
        layers = accepted(cls, {"order": "random", "n_layers": n_layers})
        model = quick(cls, **layers, learning_rate=1e-9, max_epochs=1).fit(X)
        correlation = np.corrcoef(model.transform(X).T, X.T)[:4, 4:]
        assert (np.diag(correlation) > 0.95).all()


class TestUniform:
    X = np.vstack([rows(), [[1e9, -1e9, 1e9], [50.0, -40.0, 0.0]]])

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_far_rows(self, dtype):
        model = quick(skflow.MAFDensity, base="uniform", dtype=dtype).fit(rows())
        scores, Z = model.score_samples(self.X), model.transform(self.X)
        assert np.isfinite(scores).all()
        assert (scores[-2:] < scores[:-2].min()).all()
        assert ((Z > 0) & (Z < 1)).all()
        assert np.isfinite(model.inverse_transform(Z)).all()
        assert np.isfinite(model.inverse_transform([[0.0, 0.5, 1.0]])).all()

    def test_latents_are_uniform(self):
        rng = np.random.default_rng(0)
        X = rng.gamma(3, size=(2000, 1))
        model = skflow.NSFDensity(n_layers=1, base="uniform", n_members=1, random_state=0).fit(X)
        u = model.transform(rng.gamma(3, size=(2000, 1)))[:, 0]
        assert stats.kstest(u, "uniform").statistic < 0.05


class TestStudentT:
    DF = np.array([2.0, 3.0])

    def table(self, seed, n=4000):
        rng = np.random.default_rng(seed)
        return rng.standard_t(self.DF, size=(n, 2)) * [1, 10] + [0, 5]

    @pytest.mark.parametrize("settings", [{}, {"base": ["student_t"] * 2}], ids=str)
    def test_recovers_the_tail_index(self, settings):
        found = []
        for seed in range(3):
            given = {"base": "student_t", "n_layers": 1, "n_members": 1, "max_epochs": 10}
            model = skflow.MAFDensity(**{**given, **settings}, random_state=seed)
            df = model.fit(self.table(seed)).flow_.base.df.detach().numpy()
            np.testing.assert_array_equal(model.tail_index_, df)
            found.append(df)
        np.testing.assert_allclose(np.mean(found, axis=0), self.DF, atol=0.3)

    @pytest.mark.slow
    @pytest.mark.parametrize("cls", [skflow.MAFDensity, skflow.NSFDensity, skflow.RealNVPDensity])
    def test_recovers_the_tail_index_with_defaults(self, cls):
        found = [cls(base="student_t", random_state=s).fit(self.table(s)) for s in range(2)]
        assert found[0].flow_.base.df.shape == (found[0].n_members_, 2)
        mean = np.mean([model.tail_index_ for model in found], axis=0)
        np.testing.assert_allclose(mean, self.DF, atol=0.3)

    def test_one_column_among_others(self):
        X = np.column_stack([self.table(0)[:, 0], np.random.default_rng(1).normal(size=4000)])
        base = ["student_t", "normal"]
        model = quick(skflow.MAFDensity, base=base, max_epochs=20).fit(X)
        assert model.tail_index_[0] == pytest.approx(2, abs=0.3)
        assert model.tail_index_[1] == np.inf

    def test_far_rows_cost_the_logarithm_of_their_distance(self):
        model = quick(skflow.MAFDensity, base="student_t", max_epochs=20).fit(self.table(0))
        scores = model.score_samples([[1e3, 5], [1e4, 5], [1e5, 5]])
        np.testing.assert_allclose(np.diff(scores), -3 * np.log(10), rtol=0.1)

    def test_draws_have_the_tails_of_the_table(self):
        model = quick(skflow.MAFDensity, base="student_t", max_epochs=20).fit(self.table(0))
        draws = model.sample(20_000, random_state=0)
        for level in (0.001, 0.999):
            ratio = np.quantile(draws[:, 0], level) / stats.t.ppf(level, 2)
            assert 0.7 < ratio < 1.4

    def test_automatic_preprocessing_leaves_tails_alone(self):
        model = quick(skflow.MAFDensity, base="student_t", preprocessing="auto")
        assert model.fit(self.table(0)).preprocessing_ == "standardize"


class OnColumns(BaseEstimator):
    """A density with so many of the named bases as the table has columns."""

    def __init__(self, density, random_state=None):
        self.density = density
        self.random_state = random_state

    def fit(self, X, y=None, sample_weight=None):
        density = clone(self.density).set_params(base=dealt(X.shape[1]))
        density.set_params(random_state=self.random_state)
        self.density_ = density.fit(X, sample_weight=sample_weight)
        return self

    def score_samples(self, X):
        return self.density_.score_samples(X)

    def sample(self, n_samples=1, random_state=None):
        return self.density_.sample(n_samples, random_state)

    def transform(self, X):
        return self.density_.transform(X)

    def inverse_transform(self, Z):
        return self.density_.inverse_transform(Z)


def test_density_on_several_bases():
    small = {"n_layers": 2, "hidden_features": (32, 32), "n_members": 1, "max_epochs": 40}
    check_density(OnColumns(skflow.MAFDensity(**small, learning_rate=5e-3)))


NASTY = [(cls, "student_t") for cls in TRAINED]
NASTY += [(skflow.MAFDensity, "uniform"), (skflow.NSFDensity, "dealt")]


@pytest.mark.parametrize(("cls", "base"), NASTY)
@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(X=nasty_tables())
def test_nasty_tables(cls, base, X):
    given = {"base": dealt(X.shape[1]) if base == "dealt" else base, "preprocessing": "auto"}
    given = {**given, "max_epochs": 2, "n_layers": 2, "order": "random"}
    check(quick(cls, **accepted(cls, given)), X)


def test_a_warm_start_keeps_bases_and_tails():
    X = rows()
    model = quick(skflow.MAFDensity, base=dealt(3), warm_start=True).fit(X)
    assert model.fit(X).base_ == ("student_t", "uniform", "mixture")
    assert np.isfinite(model.score_samples(X)).all()
