"""What is imported when, which layer imports which, and that estimators are dataclasses."""

import ast
import dataclasses
import pathlib
import re
import subprocess
import sys
import tomllib

import pytest

import skflow

ROOT = pathlib.Path(skflow.__file__).parent

# A module may import from the lines above its own, and from its own package.
LAYERS = [
    {"exceptions"},
    {"_escapes"},
    {"_input", "_types"},
    {"_containers"},
    {
        *(
            "_fit_record",
            "_graph",
            "_notices",
            "_pages",
            "_random",
            "_rounding",
            "_side_by_side",
            "_threads",
        ),
        *("_validation", "_watch"),
    },
    {"_callbacks", "_checked", "_clock", "_deprecated", "_model_card"},
    {"_persistence", "members", "metrics", "nets", "numerics"},
    {"bases", "bijections", "sampling"},
    {"flow"},
    {"dequantization"},
    {"architectures"},
    {"training"},
    {"sources", "tables", "variational"},
    {"fitting"},
    {"scale"},
    {"conditionals"},
    {"estimators"},
    {"codes", "diagnostics", "evidence", "guidance", "integration"},
    {"adapters", "plots", "testing"},
    {"__main__"},
]
# What is of images stands beside these, and counts as the package of the same name: the rest of
# that slice, as estimators, whose parts it holds.
SLICE = "images"
LEVELS = {unit: level for level, units in enumerate(LAYERS) for unit in units}

PUBLIC_ESTIMATORS = [name for name in skflow.__all__ if hasattr(getattr(skflow, name), "fit")]

USE_WITHOUT_TORCH = """
import sys
import skflow
import skflow.metrics
import skflow.plots
import skflow.testing
from sklearn.base import clone

names = [name for name in skflow.__all__ if hasattr(getattr(skflow, name), "fit")]
for name in names:
    estimator = clone(getattr(skflow, name)())
    estimator.set_params(**estimator.get_params())
    repr(estimator)
    estimator._repr_html_()
print(len(names), sorted({"torch", "matplotlib"} & set(sys.modules)))
"""


def test_torch_and_matplotlib_stay_out():
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", USE_WITHOUT_TORCH],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stderr == ""
    assert run.stdout.strip() == f"{len(PUBLIC_ESTIMATORS)} []"


def _modules():
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        yield path, _unit(parts[1:]), parts


def _unit(parts):
    """Name the layer's unit of a module, by the parts of its name below the package."""
    if parts[0] != SLICE:
        return parts[0]
    inner = [part for part in parts[1:2] if part in LEVELS or part == "__init__"]
    return inner[0] if inner else "estimators"


def _imported(node, parts):
    """Dotted names that an import statement may load, relative ones resolved."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    start = ".".join(parts[: -node.level]) if node.level else ""
    module = ".".join(filter(None, [start, node.module]))
    return [f"{module}.{alias.name}" for alias in node.names]


def _wrong_imports(source, unit, parts):
    level = LEVELS[unit]
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        for name in _imported(node, parts):
            package, _, rest = name.partition(".")
            target = _unit(rest.split("."))
            if package != "skflow" or target == unit:
                continue
            if target not in LEVELS or LEVELS[target] >= level:
                yield f"{'.'.join(parts)} imports {name}"


def test_modules_load_without_what_is_optional():
    """Files of models are read by all modules: what extras install is imported in functions."""
    project = tomllib.loads((ROOT.parent / "pyproject.toml").read_text())["project"]
    needed = {re.split(r"\W", name.replace("-", "_"))[0] for name in project["dependencies"]}
    known = {*sys.stdlib_module_names, *needed, "skflow", "sklearn"}
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path, unit, parts in _modules()
        if unit != "adapters"  # which are for other packages, and read by nothing else
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in _imported(node, parts)
        if name.partition(".")[0] not in known
    ]
    assert wrong == []


def test_every_module_has_a_layer():
    assert {unit for _, unit, _ in _modules()} - set(LEVELS) <= {"__init__"}


def test_imports_only_point_down():
    wrong = [
        line
        for path, unit, parts in _modules()
        if unit != "__init__"
        for line in _wrong_imports(path.read_text(), unit, parts)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "source",
    [
        "from skflow.flow import Flow",
        "from skflow import flow",
        "import skflow.estimators._trained",
        "def f():\n    from skflow.bases import Normal",
        "from ..flow import Flow",
        "from skflow import RealNVPDensity",
    ],
)
def test_an_import_that_points_up_is_found(source):
    assert len(list(_wrong_imports(source, "bijections", ("skflow", "bijections", "_x")))) == 1


@pytest.mark.parametrize(
    "source", ["from skflow.nets import MLP", "from ._base import Chain", "import torch"]
)
def test_an_import_that_points_down_is_fine(source):
    assert list(_wrong_imports(source, "bijections", ("skflow", "bijections", "_x"))) == []


@pytest.mark.parametrize("name", PUBLIC_ESTIMATORS)
def test_estimator_is_a_dataclass_of_its_own(name):
    # A subclass that forgets @dataclass inherits __init__, which silently ignores its fields.
    cls = getattr(skflow, name)
    assert "__init__" in vars(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}
    annotated = {
        key
        for key, kind in vars(cls).get("__annotations__", {}).items()
        if "ClassVar" not in str(kind)
    }
    assert annotated <= set(fields)
    positional = {name for name, field in fields.items() if not field.kw_only}
    assert positional <= {"estimator", "estimators"}  # what wraps others takes them first
    assert set(fields) == set(cls().get_params())
