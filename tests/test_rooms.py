"""The house is kept in order: sizes of rooms, their names, and the hooks between them."""

import ast
import collections
import importlib
import inspect
import pathlib
import pkgutil
import re

import pytest

import skflow

ROOT = pathlib.Path(skflow.__file__).parent
CONTRIBUTING = ROOT.parent / "CONTRIBUTING.md"
MODULES = sorted(ROOT.rglob("*.py"))
MAX_LINES = 300
MAX_LINES_OF_A_FUNCTION = 40  # without its docstring
MAX_HOOKS = 8
# what belongs to scikit-learn's protocol
PROTOCOL = re.compile("_parameter_constraints|_image_constraints|_sklearn_.*|_abc_.*")


def named(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_no_file_is_too_long(path):
    assert len(path.read_text().splitlines()) <= MAX_LINES


def length(function):
    docstring = ast.get_docstring(function, clean=False) or ""
    return function.end_lineno - function.lineno + 1 - len(docstring.splitlines())


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_no_function_is_too_long(path):
    functions = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    too_long = {f.name: length(f) for f in functions if length(f) > MAX_LINES_OF_A_FUNCTION}
    assert too_long == {}


def test_no_two_modules_of_a_room_differ_by_a_suffix():
    rooms = collections.defaultdict(list)
    for path in MODULES:
        if path.stem != "__init__":
            rooms[path.parent].append(path.stem)
    wrong = [
        f"{named(room)}: {name} and {other}"
        for room, names in rooms.items()
        for name in names
        for other in names
        if other != name and other.startswith(name)
    ]
    assert wrong == []


def test_no_public_name_is_defined_twice():
    places = collections.defaultdict(list)
    for path in MODULES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name[0] != "_":
                places[node.name].append(named(path))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def estimator_classes():
    """Every class that estimators are made of, the abstract ones and the mixins too."""
    package = importlib.import_module("skflow.estimators")
    names = [info.name for info in pkgutil.walk_packages(package.__path__, "skflow.estimators.")]
    modules = map(importlib.import_module, [*names, "skflow.images._parameters"])
    return {
        cls
        for module in modules
        for _, cls in inspect.getmembers(module, inspect.isclass)
        if cls.__module__ == module.__name__
    }


def own_names(cls):
    return set(vars(cls)) | set(vars(cls).get("__annotations__", {}))


def hooks():
    """Private names that one class of estimators defines and another one defines anew."""
    counts = collections.Counter()
    for cls in estimator_classes():
        ours = [c for c in cls.__mro__ if c.__module__.startswith("skflow.")]
        times = collections.Counter(name for c in ours for name in own_names(c))
        counts.update(name for name, n in times.items() if n > 1)
    private = {name for name in counts if re.fullmatch(r"_[a-z]\w*", name)}
    return {name for name in private if not PROTOCOL.fullmatch(name)}


def test_the_hooks_of_estimators_are_few_and_listed():
    listed = set(re.findall(r"^- `(_\w+)", CONTRIBUTING.read_text(), re.MULTILINE))
    assert hooks() == listed
    assert len(listed) <= MAX_HOOKS
