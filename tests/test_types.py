"""Types of public signatures: whole, true to a checker, and wrong calls are found by it."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import skflow
import skflow.flow
import skflow.members
import skflow.metrics
import skflow.testing

ROOT = Path(__file__).parents[1]
MODULES = [skflow, skflow.metrics, skflow.testing, skflow.flow, skflow.members]
PUBLIC = [getattr(module, name) for module in MODULES for name in module.__all__]
ESTIMATORS = [
    name
    for name in skflow.__all__
    if inspect.isclass(getattr(skflow, name)) and hasattr(getattr(skflow, name), "fit")
]

# what fit takes, where that is no table alone
FIT = {
    "DensityRatio": ("X, X", "X, None"),
    "FlowClassifier": ("X, y", "X"),
    "FlowRegressor": ("X, y", "X, y, rows=y"),
    "FlowSampler": ("f", "X"),
    "FlowVariationalApproximator": ("f", "X"),
    "SimulationPosterior": ("X, X", "X, None"),
}
# right and wrong calls of functions
FUNCTIONS = {
    "check_posterior": ("f, X, X, n_draws=9", "f, X, None"),
    "compare_densities": ("X, cv=3, random_state=0", "X, random_state='seed'"),
    "compare_regressors": ("X, y, f", "X, y"),
    "diagnose": ("f, X, X", "f, None"),
    "distill": ("f, skflow.IAFDensity(), n_samples=9", "f, 'IAFDensity'"),
    "integrate": ("f, [(0, 1)], rtol=1e-2", "f, [(0, 1)], random_state='seed'"),
    "load": ("Path('a'), device='cpu'", "['a', 'b']"),
    "log_evidence": ("X, f, n_proposals='auto'", "X, f, n_proposals='many'"),
    "mutual_information": ("X, X, n_jobs=2", "X, None"),
    "recommend": ("X, task='outliers'", "X, task='outlier'"),
}
# calls of methods and parameters that many have, or that are easily mistaken
OTHERS = [
    ("skflow.NSFDensity(n_layers=3, structure='coupling')", "skflow.NSFDensity(n_layers='many')"),
    ("skflow.NSFDensity(support={'a': (0, None)})", "skflow.NSFDensity(support=(0, None))"),
    ("skflow.NSFDensity(hidden_features=(8, 8))", "skflow.NSFDensity(hidden_features=8)"),
    ("skflow.NSFDensity().fit('rows.parquet')", "skflow.NSFDensity(structure='coupled')"),
    ("skflow.NSFDensity().fit([X, X])", "skflow.NSFDensity().fit(X, weight=y)"),
    ("skflow.NSFDensity().fit(X).score_samples(X).sum()", "skflow.NSFDensity().score_samples()"),
    ("skflow.NSFDensity().sample(3, random_state=0)", "skflow.NSFDensity().sample('3')"),
    ("skflow.NSFDensity().fit(X).n_bins", "skflow.NSFDensity().fit(X).save(3)"),
    (
        "skflow.NSFDensity().fit(X).model_card(X, context=X).to_html('card.html')",
        "skflow.NSFDensity().fit(X).model_card(X, given=X)",
    ),
    (
        "skflow.FlowRegressor().model_card(X, y).limits",
        "skflow.FlowRegressor().model_card(X, y, X)",
    ),
    ("skflow.GlowDensity().sample(3, temperature=0.7)", "skflow.GlowDensity().sample(heat=0.7)"),
    ("skflow.FlowRegressor().predict_interval(X, 0.9)", "skflow.FlowRegressor().cdf(X)"),
    ("skflow.FlowClassifier().predict_proba(X)", "skflow.FlowClassifier().predict_proba(X, X)"),
    ("skflow.DensityRatio().divergence('js')", "skflow.DensityRatio().divergence('jensen')"),
    (
        "skflow.TableDensity().sample(given={'a': 1})",
        "skflow.TableDensity().sample(on_grid=2.5)",
    ),
    ("skflow.TableReport.from_frames(X, X)", "skflow.TableReport.from_frames(X)"),
    ("skflow.metrics.get_scorer('crps')", "skflow.metrics.get_scorer(None)"),
    ("skflow.metrics.interval_score(y, y, y)", "skflow.metrics.interval_score(y, y)"),
    ("skflow.metrics.interval_coverage(y, y, y)", "skflow.metrics.interval_coverage(y, None, y)"),
    ("skflow.metrics.pinball_loss(y, X, [0.5])", "skflow.metrics.pinball_loss(y, X)"),
    ("skflow.metrics.crps_of_draws(y, X)", "skflow.metrics.crps_of_draws(y, draw=X)"),
    ("skflow.testing.check_density(f, skip=['units'])", "skflow.testing.check_density(f, skip=1)"),
    ("skflow.testing.check_bijection(f)", "skflow.testing.check_bijection(f, perturbation='a')"),
    ("skflow.testing.check_conditional_density(f)", "skflow.testing.check_conditional_density()"),
    ("skflow.members.stack_members([])", "skflow.members.stack_members(3)"),
    ("skflow.members.select_member(f(), 0)", "skflow.members.select_member(f(), '0')"),
    ("skflow.members.members_alike(f())", "skflow.members.members_alike()"),
]
HEAD = """\
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import skflow
import skflow.flow
import skflow.members
import skflow.metrics
import skflow.testing

X, y = np.zeros((9, 2)), np.zeros(9)
f: Callable[..., Any] = np.sum
"""


def _calls():
    """Pairs of a right and a wrong call of everything public."""
    for name in ESTIMATORS:
        yield f"skflow.{name}(random_state=0)", f"skflow.{name}(random_state='seed')"
        right, wrong = FIT.get(name, ("X", "None"))
        yield f"skflow.{name}().fit({right})", f"skflow.{name}().fit({wrong})"
    for name, (right, wrong) in FUNCTIONS.items():
        yield f"skflow.{name}({right})", f"skflow.{name}({wrong})"
    yield from OTHERS


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What the checker finds: by file, the lines."""
    folder = tmp_path_factory.mktemp("calls")
    for place, name in enumerate(("right", "wrong")):
        calls = "\n".join(pair[place] for pair in _calls())
        (folder / f"{name}.py").write_text(f"{HEAD}{calls}\n")
    files = [str(ROOT / "skflow"), str(folder / "right.py"), str(folder / "wrong.py")]
    command = [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", "--no-pretty"]
    run = subprocess.run(
        [*command, "--cache-dir", str(folder / "cache"), *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stderr == ""
    reports = re.findall(r"^(.+?):(\d+): error: (.*)$", run.stdout, re.M)
    return [(Path(file).name, int(line), text) for file, line, text in reports]


def test_the_package_and_right_calls_pass(found):
    assert [report for report in found if report[0] != "wrong.py"] == []


def test_every_wrong_call_is_found(found):
    lines = {line for file, line, _ in found if file == "wrong.py"}
    start = HEAD.count("\n") + 1
    missed = [call for i, (_, call) in enumerate(_calls()) if start + i not in lines]
    assert missed == []


def test_every_public_function_and_estimator_is_called():
    functions = {f.__name__ for f in PUBLIC if inspect.isfunction(f)}
    calls = "\n".join(wrong for _, wrong in _calls())
    called = set(re.findall(r"^skflow\.(?:metrics\.|testing\.|members\.)?(\w+)", calls, re.M))
    assert functions | set(ESTIMATORS) <= called | {"get_scorer_names"}  # which takes nothing


def _signatures():
    """Public functions, and methods of public classes, of the package."""
    for thing in PUBLIC:
        owners = thing.__mro__ if inspect.isclass(thing) else []
        for owner in owners:
            if owner.__module__.startswith("skflow") and not issubclass(owner, Exception):
                for name, member in vars(owner).items():
                    function = inspect.unwrap(getattr(member, "__func__", member))
                    if name[0] != "_" and inspect.isfunction(function):
                        yield f"{owner.__name__}.{name}", function
        if inspect.isfunction(thing):
            yield thing.__name__, thing


def test_public_signatures_are_annotated_whole():
    found = dict(_signatures())
    assert len(found) > 100
    bare = []
    for name, function in found.items():
        signature = inspect.signature(function)
        kinds = [
            p.annotation for p in signature.parameters.values() if p.name not in ("self", "cls")
        ]
        if signature.empty in (signature.return_annotation, *kinds):
            bare.append(name)
    assert bare == []
