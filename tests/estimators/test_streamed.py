"""Fits to tables that do not fit in memory: those of tables that do, with less of them in it."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest
import sklearn
import torch

import skflow
from skflow.fitting import _resumable, _scratch, _stream, _survey
from skflow.fitting._scratch import ShuffledFile
from skflow.training import _checkpoint, _stretches
from tests.breaks import Power

N, HEAD = 6_000, 1_500
SMALL = {"n_layers": 1, "hidden_features": (16,), "base": "normal", "max_epochs": 4}
SMALL = {**SMALL, "preprocessing": "standardize"}


def table(n=N, seed=0):
    X = np.random.default_rng(seed).normal(size=(n, 3))
    X[:, 1] += X[:, 0] ** 2
    return X


class Blocks:
    """Rows in blocks, as often as it is asked for."""

    def __init__(self, X, size=500):
        self.X, self.size = X, size

    def __iter__(self):
        return (self.X[i : i + self.size] for i in range(0, len(self.X), self.size))


def density(**settings):
    return skflow.NSFDensity(**{**SMALL, "random_state": 0, **settings})


def weights(model):
    return {name: value.numpy() for name, value in model.flow_.state_dict().items()}


def assert_same(model, other):
    for name, value in weights(model).items():
        np.testing.assert_array_equal(value, weights(other)[name], err_msg=name)


@pytest.fixture(autouse=True)
def _small_memory(monkeypatch):
    monkeypatch.setattr(_survey, "HEAD_ROWS", HEAD)
    monkeypatch.setattr(_survey, "FEWEST_HEAD_ROWS", HEAD)
    with sklearn.config_context(working_memory=2):  # 8,192 entries
        yield


@pytest.fixture(scope="module")
def X():
    return table()


@pytest.fixture(scope="module")
def framed(X, tmp_path_factory):
    """The table in files, with a column of weights."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    folder = tmp_path_factory.mktemp("rows")
    weight = np.arange(N) % 3
    columns = dict(zip("abcw", [*X.T, weight.astype(float)], strict=True))
    whole = pa.table(columns)
    for k in range(3):
        pq.write_table(whole.slice(k * 2_000, 2_000), folder / f"part-{k}.parquet")
    return folder, weight


def sources(X, folder):
    mapped = np.memmap(folder / "rows.bin", dtype=np.float64, mode="w+", shape=X.shape)
    mapped[:] = X
    return {
        "blocks of 500": Blocks(X),
        "blocks of 999": Blocks(X, 999),
        "one block": Blocks(X, N),
        "a list": [X[:10], X[10:4_000], X[4_000:]],
        "a memmap": mapped,
    }


class TestWhateverTheRowsComeFrom:
    def test_the_fit_is_the_same_to_the_bit(self, X, tmp_path):
        fits = {name: density().fit(source) for name, source in sources(X, tmp_path).items()}
        first = fits.pop("blocks of 500")
        for model in fits.values():
            assert_same(first, model)
            np.testing.assert_array_equal(first.held_out_at_, model.held_out_at_)

    def test_files_of_a_frame_are_its_rows(self, X, framed):
        model = density().fit(str(framed[0]), sample_weight="w")
        assert list(model.feature_names_in_) == ["a", "b", "c"]
        assert_same(model, density().fit(Blocks(X), sample_weight=framed[1]))

    def test_columns_of_it_may_be_what_rows_are_given(self, X, framed):
        model = density(context_columns=["c"]).fit(str(framed[0]), sample_weight="w")
        assert model.n_context_ == 1
        assert_same(model, density(context_columns=[2]).fit(Blocks(X), sample_weight=framed[1]))


class TestScores:
    def test_are_those_of_a_fit_in_memory(self, X):
        new = table(seed=1)
        spread = [density(random_state=seed).fit(X).score(new) for seed in range(3)]
        streamed = density().fit(Blocks(X)).score(new)
        assert abs(streamed - np.mean(spread)) < max(0.03, 2 * np.std(spread))

    def test_of_a_sorted_table_are_as_good(self, X):
        new = table(seed=1)
        in_order = density().fit(Blocks(X[np.argsort(X[:, 0])])).score(new)
        assert in_order == pytest.approx(density().fit(Blocks(X)).score(new), abs=0.03)

    def test_of_held_out_rows_are_honest(self, X):
        model = density().fit(Blocks(X))
        held = model.held_out_scores_
        assert held.mean() == pytest.approx(model.validation_score_, abs=1e-4)
        assert held.mean() == pytest.approx(model.score(table(seed=1)), abs=0.15)
        by_hand = [member.score_samples(X[model.held_out_at_]) for member in model._members()]
        own = np.choose(model.held_out_by_, by_hand)
        np.testing.assert_allclose(held, own, rtol=1e-5, atol=1e-5)


class TestRows:
    def test_all_are_used_and_none_that_is_held_out_is_trained_on(self, X, monkeypatch):
        written = []
        write = ShuffledFile.write
        monkeypatch.setattr(
            ShuffledFile,
            "write",
            lambda s, bins, rows: (written.append(rows["x"]), write(s, bins, rows)),
        )
        model = density().fit(Blocks(X))
        pre = model._members()[0].flow_.preprocessing
        known = pre(torch.from_numpy(X))[0].float().numpy()
        held = np.zeros(N, dtype=bool)
        held[model.held_out_at_] = True
        order = np.lexsort(known[~held].T)
        trained = np.concatenate(written)
        np.testing.assert_allclose(trained[np.lexsort(trained.T)], known[~held][order], atol=1e-6)
        assert model.n_rows_seen_ == N

    def test_of_weight_zero_count_for_nothing(self, X):
        weight = np.random.default_rng(0).integers(0, 2, N).astype(float)
        bad = np.where(weight[:, None] > 0, X, 1e6)
        model = density().fit(Blocks(bad), sample_weight=weight)
        assert model.n_rows_seen_ == weight.sum()
        assert model.score(X[weight > 0]) > -5

    def test_of_weight_zero_may_be_impossible(self, X):
        model = density(support={0: (-10, 10)}).fit(X[:500])
        weight = np.r_[0.0, np.ones(N - 1)]
        X = np.concatenate([[[20.0, 0.0, 0.0]], X[1:]])
        assert model.score(Blocks(X)) == -np.inf
        expected = pytest.approx(model.score(X[1:]))
        assert model.score(Blocks(X), sample_weight=weight) == expected
        assert model.score(X, sample_weight=weight) == expected

    def test_with_repeated_values_are_spread(self, X):
        rounded = np.round(X, 1)
        model = density().fit(Blocks(rounded))
        assert model.dequantized_features_ == pytest.approx(dict.fromkeys(range(3), 0.1))

    def test_in_images_stay_integers(self):
        X = np.random.default_rng(0).integers(0, 4, size=(700, 16)).astype(float)
        model = skflow.GlowDensity(
            image_shape=(1, 4, 4), levels=4, n_layers=1, max_epochs=1, random_state=0
        ).fit(Blocks(X, 100))
        assert not model.observation_.continuous


class TestTime:
    @pytest.mark.parametrize("where", [_survey, _stream], ids=["reading", "writing"])
    def test_that_is_short_leaves_rows_out_and_says_so(self, X, where, monkeypatch):
        asked = []
        monkeypatch.setattr(where, "time_is_up", lambda share: asked.append(0) or len(asked) > 30)
        with pytest.warns(skflow.exceptions.ConvergenceWarning, match="left out: .* rows"):
            model = density(max_seconds=1e6).fit(Blocks(X, 100))
        assert np.isfinite(model.score_samples(X[:5])).all()
        if where is _survey:
            assert model.n_rows_seen_ == 3_100
            assert model.held_out_at_.max() < 3_100
        else:
            assert 3_000 < model.n_rows_seen_ < 4_500

    def test_may_be_split_by_a_warm_start(self, X):
        model = density(warm_start=True).fit(Blocks(X))
        before = model.score(X)
        assert model.fit(Blocks(X)).score(X) > before - 0.05
        assert (model.held_out_by_ == -1).all()


class TestCheckpoints:
    @pytest.mark.parametrize("apart", [False, True], ids=["stacked", "apart"])
    def test_a_fit_that_broke_off_ends_as_a_whole_one(self, X, apart, cut, tmp_path, monkeypatch):
        monkeypatch.setattr(_checkpoint, "EVERY", 0.0)
        monkeypatch.setattr(_stretches, "ENTRIES", 5_000)  # three stretches a pass
        settings = {"n_members": 2, "batch_size": 512 if apart else 256}
        whole = density(**settings).fit(Blocks(X))
        with pytest.raises(Power):
            cut(density(**settings, checkpoint=tmp_path), Blocks(X, 700), 5)
        assert list(tmp_path.rglob("*.state"))
        again = density(**settings, checkpoint=tmp_path).fit(Blocks(X))
        assert_same(again, whole)
        assert len(again.history_) == len(whole.history_) == 16
        assert not list(tmp_path.rglob("*.state"))

    def test_have_a_fingerprint_of_the_rows_however_they_are_cut(self, X, tmp_path, monkeypatch):
        found, fingerprint = [], _resumable.fingerprint
        monkeypatch.setattr(
            _resumable,
            "fingerprint",
            lambda *given: found.append(fingerprint(*given)) or found[-1],
        )
        for rows, size in ((X, 500), (X, 999), (X[::-1], 500)):
            density(checkpoint=tmp_path, max_epochs=1).fit(Blocks(rows, size))
        assert found[0] == found[1] != found[2]


class TestErrors:
    def test_name_the_block_and_the_row(self, X):
        bad = X.copy()
        bad[4_321, 1] = np.nan
        with pytest.raises(ValueError, match=r"begins with row 4000.*column 1 has 1 NaN.*row 321"):
            density().fit(Blocks(bad))

    def test_tell_of_rows_outside_the_support(self, X):
        bad = X.copy()
        bad[4_321, 0] = -50.0
        with pytest.raises(ValueError, match="outside its declared support"):
            density(support={0: (-20, None)}).fit(Blocks(bad))

    def test_tell_of_a_source_that_changes(self, X):
        class Growing(Blocks):
            def __iter__(self):
                self.X = np.concatenate([self.X, self.X[:100]])
                return super().__iter__()

        with pytest.raises(ValueError, match="rows"):
            density().fit(Growing(X))

    @pytest.mark.parametrize(
        ("weight", "message"),
        [
            (np.ones(10), "has shape \\(10,\\)"),
            ("w", "must name a column"),
            (np.zeros(N), "zero in every"),
            (np.full(N, -1.0), "zero or positive"),
        ],
        ids=["too few", "no such name", "all zero", "negative"],
    )
    def test_tell_of_weights(self, X, weight, message):
        with pytest.raises(ValueError, match=message):
            density().fit(Blocks(X), sample_weight=weight)

    def test_leave_nothing_on_the_disk(self, X, tmp_path, monkeypatch):
        def full(file):
            assert file.file.seek(0, 2) > N
            assert list(tmp_path.iterdir()) == []  # even while it is there
            raise MemoryError

        monkeypatch.setattr(_scratch.tempfile, "tempdir", str(tmp_path))
        monkeypatch.setattr(ShuffledFile, "shuffle", full)
        with pytest.raises(MemoryError):
            density().fit(Blocks(X))


def test_a_table_that_fits_may_name_its_weights_too(X):
    pd = pytest.importorskip("pandas")
    weight = np.arange(300) % 3.0
    frame = pd.DataFrame(X[:300], columns=list("abc"))
    model = density().fit(frame.assign(w=weight), sample_weight="w")
    assert list(model.feature_names_in_) == ["a", "b", "c"]
    assert_same(model, density().fit(frame, sample_weight=weight))


FIT_IN_A_PROCESS = """
import pathlib, sys
import numpy as np
import torch
import skflow
import skflow.fitting._fit

def peak():
    told = pathlib.Path("/proc/self/status").read_text()
    return int(told.split("VmHWM:")[1].split()[0])

class Blocks:
    def __iter__(self):
        for k in range(int(sys.argv[1])):
            yield np.random.default_rng(k).normal(size=(50_000, 8)).astype(np.float32)

before = peak()
model = skflow.RealNVPDensity(
    n_layers=1, hidden_features=(16,), base="normal", preprocessing="standardize", max_epochs=1,
    batch_size=4096, random_state=0,
).fit(Blocks())
print(model.n_rows_seen_, (peak() - before) / 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(not pathlib.Path("/proc/self/status").exists(), reason="no /proc")
def test_memory_does_not_grow_with_the_rows():
    """Of 1,000,000 and 6,000,000 rows, the second 384 MB in the file's own numbers."""
    peaks = []
    for n_blocks in (20, 120):
        run = subprocess.run(
            [sys.executable, "-c", FIT_IN_A_PROCESS, str(n_blocks)],
            capture_output=True,
            text=True,
            check=True,
        )
        seen, mib = run.stdout.split()
        assert int(seen) == 50_000 * n_blocks
        peaks.append(float(mib))
    assert peaks[1] < 1.1 * peaks[0] + 16 < 400  # MiB, of which allocators vary by some
