"""Files that are damaged, foreign, of another version or malicious: one error, and no effect."""

import copy
import json
import pickle

import joblib
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save as save_arrays
from sklearn.neighbors import KernelDensity

import skflow
from skflow import ModelFileError
from skflow._persistence import _decode, _file, _layout
from skflow._persistence._decode import decode
from skflow._persistence._encode import encode
from skflow._persistence._file import write_file
from tests.instances import quick


def rows(n=30, d=2):
    return np.random.default_rng(0).normal(size=(n, d))


@pytest.fixture(scope="module")
def fitted():
    return quick(skflow.MAFDensity, n_members=2).fit(rows())


@pytest.fixture(scope="module")
def content(fitted, tmp_path_factory):
    """Bytes of a good file."""
    path = tmp_path_factory.mktemp("good") / "model"
    fitted.save(path)
    return path.read_bytes()


@pytest.fixture
def refused(tmp_path):
    """Check that bytes are refused with a message."""

    def check(data, match):
        path = tmp_path / "bad.safetensors"
        path.write_bytes(data)
        with pytest.raises(ModelFileError, match=match) as caught:
            skflow.load(path)
        assert isinstance(caught.value, ValueError)

    return check


class TestDamage:
    def test_any_byte_that_is_flipped(self, content, refused):
        places = np.linspace(0, len(content) - 1, 200).astype(int)
        for place in [*range(12), *places]:
            for bit in (1, 0x80):  # 1 makes of version 1 version 0
                data = bytearray(content)
                data[place] ^= bit
                refused(
                    bytes(data),
                    "damaged|cut short|not a file that save wrote|newer|wrote it|no longer reads",
                )

    def test_weights_that_were_changed(self, content, refused):
        refused(content[:-8] + b"\1" * 8, "does not match its checksum. Nothing of it was used")

    def test_a_parameter_that_was_changed(self, content, refused):
        changed = content.replace(rb"\"n_layers\": 1", rb"\"n_layers\": 2")
        assert changed != content
        refused(changed, "does not match its checksum")

    @pytest.mark.parametrize("share", [0, 0.001, 0.01, 0.1, 0.5, 0.9, 0.999])
    def test_cut_short(self, share, content, refused):
        refused(content[: int(share * len(content))], "cut short")
        refused(content[:-1], "cut short")

    def test_longer(self, content, refused):
        refused(content + b"\0", "does not match its checksum")

    def test_a_header_of_enormous_length(self, content, refused):
        refused(b"\xff" * 8 + content[8:], "cut short")

    def test_a_header_that_is_nested_without_end(self, refused):
        header = b'{"a":' * 100_000
        refused(len(header).to_bytes(8, "little") + header, "header cannot be read")


class TestForeignFiles:
    def test_of_safetensors(self, refused):
        arrays = {"x": np.ones(3)}
        refused(save_arrays(arrays), "no skflow estimator wrote it")
        refused(save_arrays(arrays, {"format": "pt"}), "no skflow estimator wrote it")

    def test_of_pickle(self, fitted, refused):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            refused(pickle.dumps(fitted, protocol), "not a file that save wrote. Pickled")

    def test_of_joblib_and_torch(self, fitted, tmp_path, refused):
        path = tmp_path / "other"
        joblib.dump(fitted, path)
        refused(path.read_bytes(), "not a file that save wrote")
        torch.save(fitted.flow_.state_dict(), path)
        refused(path.read_bytes(), "not a file that save wrote")

    @pytest.mark.parametrize("text", [b"hello", b"a,b\n1,2\n3,4\n5,6\n", b"{}", b"\0" * 100, b""])
    def test_of_something_else(self, text, refused):
        refused(text, "not a file that save wrote|cut short")


class TestVersions:
    def written_as(self, version, model, folder, monkeypatch):
        path = folder / "model"
        with monkeypatch.context() as patch:
            patch.setattr(_file, "FORMAT", version)
            model.save(path)
        return path

    def test_newer(self, fitted, tmp_path, monkeypatch):
        path = self.written_as(_layout.FORMAT + 1, fitted, tmp_path, monkeypatch)
        with pytest.raises(
            ModelFileError, match=rf"newer than format {_layout.FORMAT} .*: upgrade skflow"
        ):
            skflow.load(path)

    def test_newer_with_another_checksum(self, content, refused):
        now, then = (b'"format_version":"%d"' % v for v in (_layout.FORMAT, _layout.FORMAT + 1))
        newer = content.replace(now, then)
        assert newer != content
        refused(newer, "upgrade skflow")

    def test_older(self, fitted, tmp_path, monkeypatch):
        path = self.written_as(0, fitted, tmp_path, monkeypatch)  # no version wrote that one
        version = skflow.__version__
        with pytest.raises(
            ModelFileError, match=f"by skflow {version} in .*no longer reads: load"
        ):
            skflow.load(path)

    def test_older_with_a_way_to_read_it(self, fitted, tmp_path, monkeypatch):
        path = self.written_as(_layout.FORMAT - 1, fitted, tmp_path, monkeypatch)

        def rename(document, arrays):
            document["attributes"]["n_iter_no_change"] = 7
            return document, arrays

        monkeypatch.setitem(_file.MIGRATIONS, _layout.FORMAT - 1, rename)
        assert skflow.load(path).n_iter_no_change == 7

    @pytest.mark.parametrize("version", ["", "one", "-1", "1.5", "9" * 5000])
    def test_no_version(self, version, refused):
        refused(save_arrays({}, {"format": "skflow", "format_version": version}), "no version")


def as_written(document, arrays, folder):
    """Load a document as an attacker would write it: with a checksum that fits."""
    path = folder / "model"
    write_file(path, document, arrays)
    return skflow.load(path)


def law(kind="rv_continuous", **changes):
    """A node of a frozen distribution of scipy's, some of it changed."""
    plain = {"family": "norm", "args": {"tuple": []}, "kwds": {"dict": {}}}
    attributes = plain | changes if kind == "rv_continuous" else changes
    return {"class": f"scipy.{kind}_frozen", "id": 99_999, "attributes": attributes}


def encode_with_tree(fitted):
    """Take apart a density with a flow and a kernel density, which load fits again."""
    model = copy.copy(fitted)
    model.tree = KernelDensity().fit(rows())
    document, arrays = encode(model)
    return copy.deepcopy(document), arrays


class TestMaliciousFiles:
    """The checksum fits; what the file holds is chosen by someone else."""

    @pytest.fixture
    def parts(self, fitted):
        document, arrays = encode(fitted)
        return copy.deepcopy(document), arrays

    @pytest.mark.parametrize(
        "name",
        [
            "os.system",
            "builtins.eval",
            "eval",
            "skflow.estimators.flows._autoregressive.MAFDensity",
            "sklearn.Pipeline",
            "sklearn.pipeline.Pipeline",
            "torch.Module",
            "torch.Sequential",
            "BaseFlowDensity",
            "__class__",
            "",
            None,
            3,
            ["MAFDensity"],
        ],
    )
    def test_classes_outside_the_registry(self, name, parts, tmp_path):
        document, arrays = parts
        document["class"] = name
        with pytest.raises(ModelFileError, match="is no class that a file may hold"):
            as_written(document, arrays, tmp_path)

    @pytest.mark.parametrize(
        "name",
        [
            "__class__",
            "__dict__",
            "__init__",
            "__reduce__",
            "fit",
            "score_samples",
            "_fit",
            "_build_bijection",
            "_parameter_constraints",
            "_workers",
            "_repr_html_",
            "get_params",
            "a.b",
            "",
        ],
    )
    def test_attributes_that_would_hide_the_classes_own(self, name, parts, tmp_path):
        document, arrays = parts
        document["attributes"][name] = 1
        with pytest.raises(ModelFileError, match="to set"):
            as_written(document, arrays, tmp_path)

    @pytest.mark.parametrize(
        "name",
        [
            "forward",
            "log_prob",
            "__class__",
            "_parameters",
            "_forward_hooks",
            "_compiled_call_impl",
            "training",
            "state_dict",
            "call_super_init",
            "base",
        ],
    )
    @pytest.mark.parametrize("group", ["attributes", "parameters", "buffers", "modules"])
    def test_attributes_that_would_hide_a_modules_own(self, name, group, parts, tmp_path):
        document, arrays = parts
        ensemble = document["attributes"]["flow_"]
        assert ensemble["class"] == "Ensemble"
        ensemble[group][name] = None
        with pytest.raises(ModelFileError, match="to set|cannot name"):
            as_written(document, arrays, tmp_path)

    def change(self, parts, folder, **changes):
        document, arrays = parts
        document["attributes"].update(changes)
        return as_written(document, arrays, folder)

    @pytest.mark.parametrize(
        "node",
        [
            {},
            {"eval": "1"},
            {"array": "nowhere"},
            {"array": 3},
            {"array": {}},
            {"tensor": None},
            {"ref": 10_000},
            {"ref": -1},
            {"ref": []},
            {"float": "1e5"},
            {"float": 3},
            {"tuple": 3},
            {"dict": []},
            {"dict": {}, "more": 1},
            {"pairs": {}},
            {"pairs": [[1]]},
            {"pairs": [[[1], 2]]},
            {"bunch": 3},
            {"scalar": 1},
            {"scalar": 1, "dtype": "O"},
            {"scalar": 1, "dtype": ["int8"]},
            {"scalar": 1000, "dtype": "int8"},
            {"scalar": "x", "dtype": "float64"},
            {"strings": ["a"], "shape": [2], "dtype": "str"},
            {"strings": ["a"], "shape": [-1], "dtype": "str"},
            {"strings": [], "shape": [10**30, 0], "dtype": "str"},
            {"strings": [1], "shape": [1], "dtype": "str"},
            {"strings": ["a"], "shape": [1], "dtype": "float"},
            {"random state": ["MT19937", 1, 1, 1, 1]},
            {"random state": ["PCG64", 1, 1, 1, 1]},
            {"random state": []},
            {"class": "MAFDensity"},
            {"class": "MAFDensity", "id": 99_999, "attributes": {}},
            {"class": "MAFDensity", "id": 0, "attributes": {}},
            {"class": "MAFDensity", "id": "a", "attributes": {}},
            {"class": "Flow", "id": 99_999, "attributes": {}},
            {"class": "sklearn.KernelDensity", "id": 99_999, "attributes": {"rows_": "x"}},
            {"class": "sklearn.MetadataRequest", "id": 99_999, "attributes": {}},
            law(family="rv_histogram"),
            law(family="os.system"),
            law(family=None),
            law(family={"tuple": []}),
            law(args=3),
            law(args={"tuple": ["1"]}),
            law(args={"tuple": [1, 2, 3, 4]}),
            law(kwds={"dict": {"moments": 1}}),
            law(kwds={"dict": {"scale": [1]}}),
            law("multivariate_normal", mean=[0], covariance=[[1]], singular=False),
        ],
        ids=str,
    )
    def test_nodes_that_make_no_sense(self, node, parts, tmp_path):
        with pytest.raises(ModelFileError):
            self.change(parts, tmp_path, history_=node)

    def test_axes_that_are_none(self, parts, tmp_path):
        for axes in ([0, 0], [5], [], "x", [[0]]):
            node = {"array": "held_out_scores_", "axes": axes}
            with pytest.raises(ModelFileError):
                self.change(parts, tmp_path, held_out_scores_=node)

    def test_nested_without_end(self, parts, tmp_path):
        node = []
        for _ in range(100):
            node = [node]
        assert self.change(parts, tmp_path, history_=node).history_
        path = tmp_path / "deep"
        arrays = parts[1]
        deep = '{"tuple": [' * 100_000 + "]}" * 100_000
        text = json.dumps({"deep": 0}).replace("0", deep)
        data = save_arrays(arrays, {"format": "skflow", "format_version": "1", "model": text})
        path.write_bytes(data)
        with pytest.raises(ModelFileError):
            skflow.load(path)

    def test_parameters_that_are_missing(self, parts, tmp_path):
        document, arrays = parts
        del document["attributes"]["device"]
        with pytest.raises(ModelFileError, match="written by skflow .*: MAFDensity lacks"):
            as_written(document, arrays, tmp_path)

    def test_arrays_that_nothing_names(self, parts, tmp_path):
        document, arrays = parts
        with pytest.raises(ModelFileError, match="unused"):
            as_written(document, {**arrays, "more": np.ones(2)}, tmp_path)

    @pytest.mark.parametrize("document", [None, 3, "x", [], {}, {"tuple": []}])
    def test_no_estimator(self, document, tmp_path):
        with pytest.raises(ModelFileError):
            as_written(document, {}, tmp_path)

    @pytest.mark.parametrize(
        "changes",
        [
            {"metric": "pyfunc"},
            {"metric": "pyfunc", "metric_params": {"dict": {"func": {"ref": "flow"}}}},
            {"metric": "no metric"},
            {"metric": ["euclidean"]},
            {"metric": {"ref": "flow"}},
            {"metric_params": {"dict": {"p": {"ref": "flow"}}}},
            {"metric_params": {"dict": {"p": "2"}}},
            {"metric_params": {"ref": "flow"}},
            {"rows_": {"ref": "flow"}},
            {"rows_": [[1.0, 2.0]]},
            {"weights_": {"ref": "flow"}},
        ],
        ids=str,
    )
    def test_trees_that_would_run_something(self, changes, fitted, tmp_path, monkeypatch):
        node, arrays = encode_with_tree(fitted)
        references = json.dumps(changes).replace('"flow"', str(node["attributes"]["flow_"]["id"]))
        node["attributes"]["tree"]["attributes"].update(json.loads(references))

        def called(*args, **kwargs):
            pytest.fail("a flow was called")

        monkeypatch.setattr(type(fitted.flow_), "__call__", called)
        with pytest.raises(ModelFileError, match="tree"):
            decode(node, arrays)

    @pytest.mark.parametrize("level", ["requests", "fit"])
    def test_requests_that_would_run_something(self, level, fitted, parts, tmp_path, monkeypatch):
        document, _ = parts
        flow = document["attributes"]["flow_"]["id"]
        duck = {"class": "MAFDensity", "id": 99_998, "attributes": {"items": {"ref": flow}}}
        requests = duck if level == "requests" else {"dict": {"fit": duck}}
        attributes = {"owner": "MAFDensity", "requests": requests}
        node = {"class": "sklearn.MetadataRequest", "id": 99_999, "attributes": attributes}

        def called(*args, **kwargs):
            pytest.fail("a flow was called")

        monkeypatch.setattr(type(fitted.flow_), "__call__", called)
        with pytest.raises(ModelFileError, match="requests"):
            self.change(parts, tmp_path, asked=node)

    def test_many_trees_of_one_array(self, fitted):
        document, arrays = encode_with_tree(fitted)
        tree = document["attributes"]["tree"]
        document["attributes"]["more"] = tree | {"id": 99_999}
        with pytest.raises(ModelFileError, match="two trees"):
            decode(document, arrays)

    def test_modules_that_contain_themselves(self, parts, tmp_path):
        inner = {"class": "torch.ModuleList", "id": 99_999, "attributes": {}, "training": True}
        inner |= {"transient": [], "parameters": {}, "buffers": {}, "modules": {}}
        outer = inner | {"id": 99_998, "modules": {"0": inner}}
        for number in (99_999, 99_998):
            inner["modules"] = {"0": {"ref": number}}
            with pytest.raises(ModelFileError, match="contains itself"):
                self.change(parts, tmp_path, own_=outer)

    def test_a_part_in_place_of_an_estimator(self, fitted, parts, tmp_path):
        flow, arrays = encode(fitted.flow_)
        with pytest.raises(ModelFileError, match="no estimator of skflow"):
            as_written(flow, arrays, tmp_path)

    def test_a_parameter_that_is_a_module(self, parts, tmp_path):
        document, arrays = parts
        modules = document["attributes"]["flow_"]["modules"]
        modules["members"] = {"array": next(iter(arrays))}
        with pytest.raises(ModelFileError, match="is not one of the modules"):
            as_written(document, arrays, tmp_path)


def spots(node, path=()):
    """Paths to every node of a document."""
    yield path
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in items:
        if isinstance(value, dict | list):
            yield from spots(value, (*path, key))
        else:
            yield (*path, key)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(["", "fit", "MAFDensity", "torch.ModuleList", "flow_", "held_out_scores_"]),
    st.sampled_from(sorted(_decode._Decoder.READERS)).map(lambda key: {key: 0}),
    st.just([]),
    st.just({"ref": 0}),
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_change_of_a_document_loads_or_is_refused(fitted, data):
    document, arrays = encode(fitted)
    document = json.loads(json.dumps(document))
    *path, last = data.draw(st.sampled_from([p for p in spots(document) if p]))
    node = document
    for key in path:
        node = node[key]
    node[last] = data.draw(VALUES)
    try:
        model = decode(document, arrays)
    except ModelFileError:
        return
    assert isinstance(model, skflow.MAFDensity)
    assert callable(model.fit)
