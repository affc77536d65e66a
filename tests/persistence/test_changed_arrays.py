"""Arrays that someone changed and computed the checksum anew: refused, and by name."""

import copy
import glob
import os
import traceback
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KernelDensity

import skflow
from skflow import ModelFileError
from skflow._persistence._decode import decode
from skflow._persistence._encode import encode
from skflow._persistence._file import read_file, write_file
from skflow._persistence._migrate import _dicts
from tests.instances import quick

FILES = os.path.join(os.path.dirname(__file__), "files")


def rows(n=30, d=2):
    return np.random.default_rng(0).normal(size=(n, d))


@pytest.fixture(scope="module")
def models():
    classical = {"kernel": skflow.KernelFlowDensity, "mixture": skflow.MixtureFlowDensity}
    stack = [(name, quick(cls)) for name, cls in classical.items()]
    return [
        quick(skflow.MAFDensity, n_members=2).fit(rows()),
        quick(skflow.MixtureFlowDensity, support={0: (-9, None)}).fit(rows()),
        skflow.StackedDensity(estimators=stack, cv=2).fit(rows()),
    ]


def with_odd(array, value):
    array = array.copy()
    array.flat[-1] = value
    return array


CHANGES = {
    "shorter": lambda a: a.ravel()[:-1],
    "longer": lambda a: np.append(a, a.ravel()[:1]),
    "deeper": lambda a: a[..., None],
    "no rows": lambda a: a.reshape(-1)[:0],
    "halves": lambda a: a.astype(np.float16),
    "whole": lambda a: a.astype(np.int64),
    "bytes": lambda a: a.astype(np.uint8),
    "nan": lambda a: with_odd(a, np.nan),
    "inf in": lambda a: with_odd(a, np.inf),
    "minus inf": lambda a: with_odd(a, -np.inf),
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_array_of_any_model(change, models):
    for model in models:
        document, arrays = encode(model)
        for name, array in arrays.items():
            with np.errstate(invalid="ignore", over="ignore"):
                other = CHANGES[change](array) if array.dtype.kind == "f" else array
            if other is array or ("n" in change and not np.isfinite(array).all()):
                continue  # of bounds that were open
            with pytest.raises(ModelFileError) as caught:
                decode(document, {**arrays, name: other})
            assert repr(name) in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_of_older_files(value, tmp_path):
    """Their documents do not say what their arrays were, but weights are finite in any."""
    path = tmp_path / "model"
    document, arrays, _ = read_file(os.path.join(FILES, "maf-format-1.safetensors"))
    name = next(name for name in arrays if name.endswith("last.weight"))
    array = with_odd(arrays[name], value)
    write_file(path, document, {**arrays, name: array})
    with pytest.raises(ModelFileError, match="last.weight' hold (nan|inf)"):
        skflow.load(path)


@pytest.mark.parametrize(
    ("file", "part"),
    [("maf", "hidden.0.weight"), ("maf", "last.bias"), ("maf", ".scale"), ("kernel", ".points")],
)
def test_shapes_of_older_files(file, part, tmp_path):
    """Parts of a layer have to fit each other, whatever the document says of them."""
    path = tmp_path / "model"
    document, arrays, _ = read_file(os.path.join(FILES, f"{file}-format-1.safetensors"))
    name = next(name for name in arrays if name.endswith(part) and "flow_" in name)
    short = np.ascontiguousarray(arrays[name][..., :-1])
    for node in _dicts(document):
        if name in (node.get("tensor"), node.get("parameter")):
            node["shape"] = list(short.shape)
    write_file(path, document, {**arrays, name: short})
    with pytest.raises(ModelFileError, match="does not fit those beside it"):
        skflow.load(path)


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    model = quick(skflow.MAFDensity).fit(rows())
    next(model.flow_.parameters()).data.fill_(np.nan)
    with pytest.raises(TypeError, match="flow_.*weight.*must be finite: fit again"):
        model.save(tmp_path / "model")
    assert os.listdir(tmp_path) == []


def bombs():
    """Documents that are short, and what they describe is not."""
    n = 1_500
    module = {"class": "torch.ModuleList", "attributes": {}, "training": True, "transient": []}
    module |= {"parameters": {}, "buffers": {}, "modules": {}}
    state = {"array": "a", "shape": [624], "dtype": "uint32"}
    kernel = {"class": "KernelFlowDensity"}
    columns = {"support_bounds_": {"tuple": [0] * 4}, "n_features_in_": 999_999, "support": None}
    long = {"strings": ["a"] * 499 + ["b" * 50_000], "dtype": "str", "shape": [500]}
    many = {"strings": [""] * 100 + ["b" * 300], "dtype": "str", "shape": [101]}
    return {
        "a long string": [long],
        "long strings": [many] * 300,
        "lists": [[]] * 30 * n,
        "bunches": [{"bunch": {}}] * 5 * n,
        "pairs": [{"pairs": [[0, 0]]}] * 5 * n,
        "random states": [{"random state": ["MT19937", state, 0, 0, 0.0]}] * n,
        "modules": [module | {"id": i} for i in range(n // 4)],
        "columns": [kernel | {"id": i, "attributes": columns} for i in range(n // 4)],
        "axes": [{"strings": [], "dtype": "str", "shape": [10**15, 0]}],
        "digits": ["9" * 100_000],
    }


@pytest.mark.parametrize("version", ["1", "3"])
@pytest.mark.parametrize("name", bombs())
def test_memory_is_in_proportion_to_the_file(name, version, tmp_path, monkeypatch):
    path = tmp_path / "model"
    monkeypatch.setattr("skflow._persistence._file.FORMAT", int(version))
    write_file(path, bombs()[name], {"a": np.zeros(624, np.uint32)})
    monkeypatch.undo()
    skflow.load(os.path.join(FILES, "maf-format-1.safetensors"))  # what is imported once
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError):
            skflow.load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100 * os.path.getsize(path) + 2**20


@pytest.mark.parametrize("n_layers", [10**6, 10**12])
def test_parameters_build_nothing(n_layers, models, tmp_path):
    """Nets are read, not made anew: a parameter that asks for a huge one is only a number."""
    path = tmp_path / "model"
    document, arrays = encode(models[0])
    document["attributes"] |= {"n_layers": n_layers, "hidden_features": {"tuple": [n_layers]}}
    write_file(path, document, arrays)
    tracemalloc.start()
    try:
        assert skflow.load(path).n_layers == n_layers
        assert tracemalloc.get_traced_memory()[1] < 30 * os.path.getsize(path) + 2**20
    finally:
        tracemalloc.stop()


ESCAPES = "\x1b[31m\u202e\x07\r"


class TestEscapes:
    @pytest.mark.parametrize(
        "change",
        [
            lambda d: d.update({"class": ESCAPES}),
            lambda d: d.update({ESCAPES: 1}),
            lambda d: d["attributes"].update({ESCAPES: 1}),
            lambda d: d["attributes"].update({"a": {"array": ESCAPES}}),
            lambda d: d["attributes"].update({"a": {ESCAPES: 1}}),
            lambda d: d["attributes"].update({"a": {"scalar": 1, "dtype": ESCAPES}}),
            lambda d: d["attributes"].update({"a": {"array": "b", "axes": ESCAPES}}),
            lambda d: d["attributes"].update({"a": {"time": [ESCAPES, 1]}}),
            lambda d: d["attributes"]["flow_"]["modules"].update({ESCAPES: None}),
            lambda d: d["attributes"].update({"history_": {"float": ESCAPES}}),
        ],
    )
    def test_of_a_document(self, change, models, tmp_path):
        document, arrays = encode(models[0])
        document = copy.deepcopy(document)
        change(document)
        write_file(tmp_path / "model", document, arrays)
        with pytest.raises(ModelFileError) as caught:
            skflow.load(tmp_path / "model")
        shown = "".join(traceback.format_exception(caught.value))
        assert all(c.isprintable() or c == "\n" for c in shown)

    @pytest.mark.parametrize("metric", [ESCAPES, "euclidean"])
    def test_of_what_scikit_learn_says(self, metric, models, tmp_path):
        model = copy.copy(models[1])
        model.tree = KernelDensity().fit(rows())
        document, arrays = encode(model)
        document["attributes"]["tree"]["attributes"] |= {"metric": metric, "algorithm": ESCAPES}
        write_file(tmp_path / "model", document, arrays)
        with pytest.raises(ModelFileError) as caught:
            skflow.load(tmp_path / "model")
        shown = "".join(traceback.format_exception(caught.value))
        assert all(c.isprintable() or c == "\n" for c in shown)

    def test_of_the_version_that_wrote_it(self, models, tmp_path, monkeypatch):
        path = tmp_path / "model"
        monkeypatch.setattr(skflow, "__version__", ESCAPES)
        write_file(path, [], {})
        monkeypatch.undo()
        with pytest.raises(ModelFileError, match=r"written by skflow \\x1b\[31m") as caught:
            skflow.load(path)
        assert caught.value.args[0].isprintable()

    def test_messages_are_no_longer_than_messages_are(self, models, tmp_path):
        document, arrays = encode(models[0])
        write_file(tmp_path / "model", document | {"class": "x" * 10**6}, arrays)
        with pytest.raises(ModelFileError, match="more characters") as caught:
            skflow.load(tmp_path / "model")
        assert len(str(caught.value)) < 3_000


@pytest.mark.parametrize("path", sorted(glob.glob(os.path.join(FILES, "*.safetensors"))))
def test_older_files_are_written_anew(path, tmp_path):
    model = skflow.load(path)
    model.save(tmp_path / "model")
    assert type(skflow.load(tmp_path / "model")) is type(model)


def mutated(data, encoded):
    """Change some arrays of a file at random."""
    document, arrays = encoded
    arrays = dict(arrays)
    names = data.draw(st.lists(st.sampled_from(sorted(arrays)), min_size=1, max_size=3))
    for name in names:
        bits = arrays[name].tobytes()
        kind = data.draw(st.sampled_from(["f4", "f8", "f2", "i8", "u1", "?"]))
        size = data.draw(st.integers(0, len(bits))) // np.dtype(kind).itemsize
        array = np.frombuffer(bits[: size * np.dtype(kind).itemsize], kind).copy()
        if size and kind[0] == "f" and data.draw(st.booleans()):
            array = with_odd(array, data.draw(st.sampled_from([0, 1, np.nan, np.inf])))
        arrays[name] = array.reshape(data.draw(st.sampled_from([(-1,), (-1, 1), (1, -1)])))
    return document, arrays


def check_mutations(data, models):
    model = models[data.draw(st.integers(0, len(models) - 1))]
    try:
        with np.errstate(all="ignore"):
            again = decode(*mutated(data, encode(model)))
    except ModelFileError:
        return
    assert type(again) is type(model)


@settings(max_examples=40, deadline=None)
@given(st.data())
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_only_one_kind_of_error(models, data):
    check_mutations(data, models)


@pytest.mark.slow
@settings(max_examples=3_000, deadline=None)
@given(st.data())
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_only_one_kind_of_error_of_many(models, data):
    check_mutations(data, models)
