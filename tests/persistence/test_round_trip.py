"""What ``save`` writes, ``load`` gives back: to the last bit, in any process, without code."""

import os
import pickle
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neighbors import KernelDensity

import skflow
from skflow._persistence._registry import classes
from tests.instances import DENSITIES, ESTIMATORS, quick, shortened

IMAGES = {"image_shape": (1, 4, 4), "levels": 5, "n_layers": 1, "hidden_features": (4, 4)}


def rows(n=30, d=3):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 3


def reloaded(model, folder):
    path = folder / "model.safetensors"
    model.save(path)
    return skflow.load(path)


def equal(a, b):
    """Whether two fitted attributes, or parameters, are the same."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return (
            a.dtype == b.dtype
            and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
            and (a.flags.f_contiguous, a.flags.c_contiguous)
            == (b.flags.f_contiguous, b.flags.c_contiguous)
        )
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b) and a.stride() == b.stride()
    if isinstance(a, dict):
        return list(a) == list(b) and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, torch.nn.Module):
        same = equal(dict(a.named_parameters()), dict(b.named_parameters()))
        same &= equal(dict(a.named_buffers()), dict(b.named_buffers()))
        return same and a.training == b.training and repr(a) == repr(b)
    if isinstance(a, np.random.RandomState):
        return equal(a.get_state(), b.get_state())
    if hasattr(a, "__dict__"):
        return equal(vars(a), vars(b))
    return a == b or a != a


def check_same(model, again, X):
    assert equal(model, again)
    assert equal(model.get_params(), again.get_params())
    np.testing.assert_array_equal(again.score_samples(X), model.score_samples(X))
    if hasattr(model, "sample"):
        draws = model.sample(20, random_state=0)
        np.testing.assert_array_equal(again.sample(20, random_state=0), draws)
    if hasattr(model, "transform"):
        np.testing.assert_array_equal(again.transform(X), model.transform(X))


@pytest.mark.parametrize("cls", DENSITIES, ids=lambda cls: cls.__name__)
def test_every_density(cls, tmp_path):
    X = pd.DataFrame(rows(), columns=["a", "b", "c"])
    model = quick(cls, random_state=np.random.RandomState(3)).fit(X)
    again = reloaded(model, tmp_path)
    check_same(model, again, X)
    assert again.random_state.randint(1000) == model.random_state.randint(1000)


def some_instances():
    """Those of the dictionary that :func:`quick` does not come to, with the least to do."""
    for name in ESTIMATORS:
        if "," in name:
            yield pytest.param(shortened(name), id=name)


@pytest.mark.parametrize("model", list(some_instances()))
def test_other_settings(model, tmp_path):
    X = rows()
    model.fit(X)
    check_same(model, reloaded(model, tmp_path), X)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("GlowDensity", {"mixing": "emerging", "memory_efficient": True, "n_scales": 2}),
        ("RealNVPDensity", {"dequantization": "variational"}),
        ("FlowPPDensity", {}),
        ("ResidualFlowDensity", {}),
    ],
)
def test_images(name, settings, tmp_path):
    X = np.random.default_rng(0).integers(5, size=(20, 16))
    cls = getattr(skflow, name)
    model = cls(**IMAGES, **settings, max_epochs=1, random_state=0).fit(X)
    again = reloaded(model, tmp_path)
    check_same(model, again, X)
    assert again.bits_per_dim(X) == model.bits_per_dim(X)


def test_bounds_ties_and_ensembles(tmp_path):
    X = np.abs(rows()).round(1)
    model = quick(skflow.NSFDensity, n_members=3, base="mixture", support={0: (0, None)})
    model.set_output(transform="pandas").fit(X)
    check_same(model, reloaded(model, tmp_path), X)


@pytest.mark.parametrize(
    "member",
    [
        KernelDensity(bandwidth=0.5),
        KernelDensity(bandwidth="scott", metric="manhattan", leaf_size=3),
        KernelDensity(metric="minkowski", metric_params={"p": 3}),
        KernelDensity(metric="seuclidean", metric_params={"V": np.array([1.0, 2.0, 3.0])}),
        GaussianMixture(2, random_state=0),
        GaussianMixture(2, covariance_type="tied", random_state=0),
        BayesianGaussianMixture(n_components=2, max_iter=300, random_state=0),
    ],
    ids=str,
)
def test_stack_with_densities_of_scikit_learn(member, tmp_path):
    pairs = [("other", member), ("kernel", skflow.KernelFlowDensity())]
    model = skflow.StackedDensity(pairs, cv=2, random_state=0).fit(rows())
    model.weights_[:] = 1 / len(model.weights_)
    again = reloaded(model, tmp_path)
    for a, b in zip(model.estimators_, again.estimators_, strict=True):
        np.testing.assert_array_equal(a.score_samples(rows()), b.score_samples(rows()))
    np.testing.assert_array_equal(again.sample(9, random_state=0), model.sample(9, random_state=0))
    assert again.get_params().keys() == model.get_params().keys()


def test_kernel_density_keeps_its_weights(tmp_path):
    stack = skflow.StackedDensity([("kernel", KernelDensity())], cv=2, random_state=0)
    model = stack.fit(rows(), sample_weight=np.arange(1.0, 31.0))
    again = reloaded(model, tmp_path)
    np.testing.assert_array_equal(again.score_samples(rows()), model.score_samples(rows()))


def test_trees_of_the_same_rows(tmp_path):
    X = rows()
    pairs = [(str(width), KernelDensity(bandwidth=width).fit(X)) for width in (0.5, 1.0)]
    again = reloaded(skflow.StackedDensity(pairs), tmp_path)
    for (_, a), (_, b) in zip(pairs, again.estimators, strict=True):
        np.testing.assert_array_equal(b.score_samples(X), a.score_samples(X))


def test_parts_that_are_shared_stay_shared(tmp_path):
    again = reloaded(quick(skflow.StackedDensity).fit(rows()), tmp_path)
    first = again.estimators_[0]
    assert first is again.mixture_.estimators[0]
    assert first is next(iter(again.named_estimators_.values()))


@pytest.mark.parametrize("score", ["density", "typicality", "latent"])
def test_outlier_detector(score, tmp_path):
    model = skflow.FlowOutlierDetector(quick(skflow.MAFDensity), score=score, random_state=0)
    model.fit(rows())
    again = reloaded(model, tmp_path)
    assert equal(model, again)
    assert str(again.get_params()) == str(model.get_params())
    for method in ("score_samples", "predict", "p_values"):
        np.testing.assert_array_equal(
            getattr(again, method)(rows()), getattr(model, method)(rows())
        )


def test_distilled_student(tmp_path):
    teacher = quick(skflow.MAFDensity).fit(rows())
    settings = skflow.IAFDensity(n_layers=1, hidden_features=(8,), max_epochs=1)
    student = skflow.distill(teacher, settings, n_samples=50, random_state=0)
    again = reloaded(student, tmp_path)
    check_same(student, again, rows())
    assert again.forward_kl_ == student.forward_kl_


def approximator(**settings):
    small = {"n_layers": 1, "hidden_features": (8,), "max_epochs": 1, "random_state": 0}
    return skflow.FlowVariationalApproximator(n_features=2, **small, **settings)


def test_variational_approximator(tmp_path):
    names = ["slope", "offset"]
    model = approximator(learning_rate=0.01, support={0: (None, None)}, feature_names=names)
    model.fit(lambda z: -z.square().sum(1))
    again = reloaded(model, tmp_path)
    assert again.feature_names_ == again.feature_names == names
    assert (again.verdict_, again.verdict_reasons_) == ("good", [])
    check_same(model, again, model.draws_[:9])
    draws = model.sample(5, random_state=0, resample=True)
    np.testing.assert_array_equal(again.sample(5, random_state=0, resample=True), draws)


class Joint(torch.nn.Module):
    """A density function with a parameter of its own."""

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))

    def forward(self, z, x):
        return -(z - self.scale * x).square().sum(1)


def test_variational_approximator_leaves_the_users_module_out(tmp_path):
    X = rows(d=2)
    model = approximator(encoder_features=(8,))
    with pytest.warns(ConvergenceWarning, match="of 30 contexts"):  # after one epoch
        model.fit(Joint(), context=X)
    with pytest.warns(UserWarning, match="log_joint_ is a module of your own"):
        again = reloaded(model, tmp_path)
    assert not hasattr(again, "log_joint_")
    draws = model.sample(3, random_state=0, context=X)
    np.testing.assert_array_equal(again.sample(3, random_state=0, context=X), draws)


def test_not_fitted(tmp_path):
    splitter = KFold(3, shuffle=True, random_state=0)
    model = skflow.FlowOutlierDetector(skflow.NSFDensity(hidden_features=(8,)), cv=splitter)
    again = reloaded(model, tmp_path)
    assert str(again.get_params()) == str(model.get_params())
    with pytest.raises(NotFittedError):
        again.predict(rows())


def test_metadata_requests(tmp_path):
    with sklearn.config_context(enable_metadata_routing=True):
        model = quick(skflow.MAFDensity).set_fit_request(sample_weight=True).fit(rows())
        again = reloaded(model, tmp_path)
        asked = [m.get_metadata_routing().fit.requests for m in (model, again)]
    assert asked == [{"sample_weight": True, "context": True}] * 2


class TestDevice:
    def test_a_model_of_another_machine_scores_here(self, tmp_path):
        model = quick(skflow.MAFDensity).fit(rows()).set_params(device="cuda:7")
        again = reloaded(model, tmp_path)
        assert again.device == "cuda:7"
        np.testing.assert_array_equal(again.score_samples(rows()), model.score_samples(rows()))

    def test_later_fits_can_be_sent_elsewhere(self, tmp_path):
        pairs = [("flow", quick(skflow.MAFDensity, device="auto"))]
        model = skflow.StackedDensity(pairs, cv=2, random_state=0).fit(rows())
        model.save(tmp_path / "model")
        again = skflow.load(tmp_path / "model", device="cpu")
        assert again.get_params()["flow__device"] == "cpu"
        assert again.estimators_[0].device == "cpu"
        again.fit(rows())

    def test_a_device_that_is_none(self, tmp_path):
        quick(skflow.MAFDensity).save(tmp_path / "model")
        with pytest.raises(ValueError, match="device must be"):
            skflow.load(tmp_path / "model", device="tpu")

    @pytest.mark.gpu
    def test_a_flow_that_lies_on_a_gpu(self, tmp_path):
        model = quick(skflow.MAFDensity, device="cuda").fit(rows())
        expected = model.score_samples(rows())
        model.flow_.to("cuda")
        model.save(tmp_path / "model")
        again = skflow.load(tmp_path / "model", device="cpu")
        assert {p.device.type for p in again.flow_.parameters()} == {"cpu"}
        np.testing.assert_array_equal(again.score_samples(rows()), expected)


class TestWhatCannotBeSaved:
    def check(self, model, match, folder):
        with pytest.raises(TypeError, match=match) as caught:
            model.save(folder / "model")
        assert "joblib.dump" in str(caught.value)
        assert not list(folder.iterdir())

    def test_an_estimator_of_another_package(self, tmp_path):
        member = sklearn.pipeline.make_pipeline(GaussianMixture())
        model = skflow.StackedDensity([("mine", member)])
        self.check(model, r"estimators.0.1, a sklearn.pipeline.Pipeline, cannot", tmp_path)

    def test_a_function(self, tmp_path):
        model = skflow.StackedDensity([("k", KernelDensity(metric=max))])
        self.check(model, r"estimators.0.1.metric, a builtins.builtin_function", tmp_path)

    def test_a_subclass(self, tmp_path):
        class Mine(skflow.MAFDensity):
            pass

        elsewhere = "cannot be saved: subclasses of skflow's estimators that are defined elsewhere"
        self.check(Mine(), rf"^a tests.*Mine {elsewhere}", tmp_path)
        stack = skflow.StackedDensity([("mine", Mine())])
        self.check(stack, rf"^estimators.0.1, a tests.*Mine, {elsewhere}", tmp_path)

    @pytest.mark.parametrize("name", ["__note", "fit", "_fit", "get_params", "a b"])
    def test_attributes_that_no_file_may_set(self, name, tmp_path):
        model = quick(skflow.MAFDensity)
        setattr(model, name, 1)
        self.check(model, f"^{name}, an attribute of a MAFDensity, cannot be saved", tmp_path)

    @pytest.mark.parametrize("name", ["__note", "log_prob", "__class"])
    def test_attributes_of_modules_that_no_file_may_set(self, name, tmp_path):
        model = quick(skflow.MAFDensity).fit(rows())
        vars(model.flow_)[name] = 1
        self.check(model, rf"^flow_.{name}, an attribute of a \w+, cannot be saved", tmp_path)

    @pytest.mark.parametrize("group", ["buffers", "parameters", "modules"])
    def test_parts_of_modules_that_no_file_may_set(self, group, tmp_path):
        model = quick(skflow.MAFDensity).fit(rows())
        getattr(model.flow_, f"_{group}")["log_prob"] = None
        self.check(model, r"^flow_.log_prob, an attribute of a \w+, cannot be saved", tmp_path)

    @pytest.mark.parametrize(
        "changes", [{"metric": "pyfunc"}, {"metric_params": {"p": "2"}}], ids=str
    )
    def test_a_tree_that_no_file_may_grow(self, changes, tmp_path):
        member = KernelDensity().fit(rows()).set_params(**changes)
        model = skflow.StackedDensity([("kernel", member)])
        self.check(
            model, "estimators.0.1, a sklearn.*KernelDensity, cannot be saved: .*metric", tmp_path
        )

    def test_a_generator(self, tmp_path):
        self.check(
            skflow.MAFDensity(random_state=np.random.default_rng()),
            "random_state, a numpy.random._generator.Generator",
            tmp_path,
        )

    def test_objects_in_arrays(self, tmp_path):
        model = skflow.MAFDensity(base=np.array(["normal", None], dtype=object))
        self.check(model, "base, a numpy.ndarray", tmp_path)

    def test_hooks(self, tmp_path):
        model = quick(skflow.MAFDensity).fit(rows())
        model.flow_.register_forward_hook(print)
        with pytest.raises(TypeError, match="flow_ has hooks"):
            model.save(tmp_path / "model")

    def test_a_list_that_contains_itself(self, tmp_path):
        endless = []
        endless.append(endless)
        with pytest.raises(TypeError, match="contain themselves"):
            skflow.MAFDensity(base=endless).save(tmp_path / "model")

    def test_a_module_that_contains_itself(self, tmp_path):
        model = quick(skflow.MAFDensity).fit(rows())
        model.own_ = torch.nn.ModuleList([torch.nn.ModuleList()])
        model.own_[0].append(model.own_)
        self.check(model, "own_.0.0, a .*ModuleList, cannot be saved: it contains", tmp_path)


FRESH = """
import builtins, joblib, pickle, sys, torch
import numpy as np
import skflow
from skflow._persistence._registry import classes

def refuse(*args, **kwargs):
    raise RuntimeError("a file ran code")

classes()  # named tuples, among others, are made by eval when they are imported
for module in (pickle, torch, joblib):
    module.load = refuse
pickle.loads = pickle.Unpickler = pickle._Unpickler = refuse
builtins.eval = refuse
model = skflow.load(sys.argv[1])
X = np.load(sys.argv[2])
print(type(model).__name__, model.score_samples(X).tobytes().hex())
"""


def test_a_fresh_process_loads_without_pickle(tmp_path):
    model = quick(skflow.StackedDensity).fit(rows())
    path, table = tmp_path / "model.safetensors", tmp_path / "X.npy"
    model.save(path)
    np.save(table, rows())
    command = [sys.executable, "-W", "error", "-c", FRESH, path, table]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.stderr == ""
    assert run.stdout.split() == ["StackedDensity", model.score_samples(rows()).tobytes().hex()]


def test_pickle_keeps_working(tmp_path):
    model = quick(skflow.MAFDensity).fit(rows())
    again = pickle.loads(pickle.dumps(reloaded(model, tmp_path)))
    np.testing.assert_array_equal(again.score_samples(rows()), model.score_samples(rows()))


def test_a_loaded_model_fits_on(tmp_path):
    model = quick(skflow.MAFDensity, warm_start=True).fit(rows())
    again = reloaded(model, tmp_path)
    expected = model.fit(rows()).score_samples(rows())
    np.testing.assert_array_equal(again.fit(rows()).score_samples(rows()), expected)


def test_strings_of_numpy(tmp_path):
    grid = {"base": np.array(["normal", "mixture"])}
    search = GridSearchCV(quick(skflow.MAFDensity), grid, cv=2).fit(rows())
    assert type(search.best_params_["base"]) is np.str_
    again = reloaded(search.best_estimator_, tmp_path)
    assert type(again.base) is str
    assert again.base == search.best_params_["base"]
    names = np.array([np.str_("a"), "b"], dtype=object)
    again = reloaded(skflow.MAFDensity(base=names, support={np.str_("a"): (0, None)}), tmp_path)
    assert [type(name) for name in again.base] == [str, str]
    assert again.support == {"a": (0, None)}


class TestWriting:
    def test_an_interrupted_save_leaves_the_old_file(self, tmp_path, monkeypatch):
        path = tmp_path / "model.safetensors"
        quick(skflow.MAFDensity, random_state=1).save(path)
        before = path.read_bytes()

        def no_space(file):
            raise OSError("no space left on device")

        monkeypatch.setattr(os, "fsync", no_space)
        with pytest.raises(OSError, match="no space"):
            quick(skflow.MAFDensity, random_state=2).save(path)
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]

    def test_a_save_replaces_the_old_file_behind_a_link(self, tmp_path):
        path, link = tmp_path / "model", tmp_path / "link"
        quick(skflow.MAFDensity, random_state=1).save(path)
        link.symlink_to(path)
        quick(skflow.MAFDensity, random_state=2).save(link)
        assert link.is_symlink()
        assert skflow.load(path).random_state == 2

    def test_threads_that_save_to_one_path(self, tmp_path, monkeypatch):
        models = [quick(skflow.MAFDensity, random_state=seed) for seed in range(4)]
        barrier, fsync = threading.Barrier(len(models)), os.fsync

        def wait_for_all(file):
            barrier.wait(timeout=30)
            fsync(file)

        monkeypatch.setattr(os, "fsync", wait_for_all)
        path = tmp_path / "model"
        with ThreadPoolExecutor(len(models)) as pool:
            list(pool.map(lambda model: model.save(path), models))
        assert list(tmp_path.iterdir()) == [path]
        assert skflow.load(path).random_state in range(4)

    @pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
    @pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
    def test_the_mode_of_the_old_file_is_kept(self, mode, tmp_path):
        path = tmp_path / "model"
        for _ in range(2):
            skflow.MAFDensity().save(path)
            path.chmod(mode)
        skflow.MAFDensity().save(path)
        assert stat.S_IMODE(path.stat().st_mode) == mode

    @pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
    def test_the_mode_of_a_new_file_is_the_usual_one(self, tmp_path):
        (tmp_path / "other").write_bytes(b"")
        skflow.MAFDensity().save(tmp_path / "model")
        modes = {path.stat().st_mode for path in tmp_path.iterdir()}
        assert len(modes) == 1

    def test_a_long_name(self, tmp_path):
        skflow.MAFDensity().save(tmp_path / ("x" * 250))

    def test_no_such_folder(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="there is no folder .*nowhere; make it"):
            skflow.MAFDensity().save(tmp_path / "nowhere" / "model")
        with pytest.raises(FileNotFoundError):
            skflow.load(tmp_path / "nowhere")

    def test_not_a_path(self):
        with pytest.raises(TypeError):
            skflow.MAFDensity().save(3)


def test_every_public_estimator_is_in_the_registry():
    estimators = {name for name in skflow.__all__ if hasattr(getattr(skflow, name), "fit")}
    assert estimators <= set(classes())
    # its parts are torch modules of their own, which joblib alone can save
    savable = estimators - {"DensityRatio"}
    assert all(hasattr(getattr(skflow, name), "save") for name in savable)


def test_an_old_pickle_is_told_why_it_cannot_be_read():
    old = b"cskflow.estimators._autoregressive\nMAFDensity\n."
    with pytest.raises(ModuleNotFoundError, match="in this version of skflow.*fit anew"):
        pickle.loads(old)
    with pytest.raises(ModuleNotFoundError, match="No module named 'skflow_of_another'"):
        pickle.loads(b"cskflow_of_another\nMAFDensity\n.")
