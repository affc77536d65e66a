"""What the documentation says exists, and what exists is documented."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

import skflow
import skflow.bases
import skflow.bijections
import skflow.metrics
import skflow.plots
import skflow.testing
from tests.instances import FLOWS, TRAINED, accepted, quick

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
ESTIMATORS = [name for name in skflow.__all__ if name.endswith("Density")]
MODULES = (skflow.bases, skflow.bijections, skflow.metrics, skflow.plots, skflow.testing)
PUBLIC = {
    f"{module.__name__}.{name}": getattr(module, name)
    for module in (skflow, *MODULES)
    for name in module.__all__
}
CLASSES = {name: obj for name, obj in PUBLIC.items() if inspect.isclass(obj)}


def sections(doc):
    """Headings of a numpydoc docstring and the text under each."""
    parts = re.split(r"^([A-Z][A-Za-z ]+)\n-{3,}\n", inspect.cleandoc(doc), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def documented_names(section):
    """Names that a section of parameters or attributes explains."""
    heads = re.findall(r"^(\w[\w, .]*?)(?: :|$)", section, flags=re.MULTILINE)
    return {name for head in heads for name in re.split(", ", head)}


def without_text(section):
    """Names that a section lists and says nothing about."""
    lines = [*section.rstrip().splitlines(), ""]
    pairs = zip(lines[:-1], lines[1:], strict=True)
    return [name for name, text in pairs if re.match(r"\w.* :", name) and text[:4] != "    "]


@pytest.mark.parametrize("name", skflow.__all__)
def test_each_parameter_has_a_text_of_its_own(name):
    found = sections(inspect.getdoc(getattr(skflow, name)) or "")
    assert without_text(found.get("Parameters", "")) == []


def test_a_parameter_without_a_text_is_found():
    assert without_text("a : int\nb, c : float\n    Both.\n*args\nd : str") == [
        "a : int",
        "d : str",
    ]


def table_of_flows():
    page = (ROOT / "docs/flows.md").read_text()
    return re.findall(r"^(\| {class}`~skflow\.(\w+)` .*)$", page, re.MULTILINE)


def test_the_table_of_flows_lists_every_estimator_once():
    assert sorted(name for _, name in table_of_flows()) == sorted(ESTIMATORS)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_table_of_flows_cites_the_paper_of_the_docstring(name):
    (row,) = (row for row, listed in table_of_flows() if listed == name)
    references = sections(getattr(skflow, name).__doc__)["References"]
    link = re.search(r"arxiv.org/abs/([\d.]+\d)", row)
    if link:
        assert f"arXiv:{link[1]}" in references
    else:  # older than arXiv
        author, year = re.match(r"(\w+).* (\d{4})$", row.split("|")[2].strip()).groups()
        assert re.search(rf"{author}.*\({year}\)", references)


def blocks_of_the_readme():
    """Its first example, what that prints, and the examples behind it."""
    code, output, *rest = re.findall(
        r"```(?:python|text)\n(.*?)```", README.read_text(), re.DOTALL
    )
    return code, output, rest


def test_the_first_example_of_the_readme_runs(capsys):
    code, output, _ = blocks_of_the_readme()
    assert "NSFDensity(random_state=0)" in code
    exec(code.replace("random_state=0).fit", "random_state=0, max_epochs=1).fit"), {})
    printed = capsys.readouterr().out
    labels = [line.split(":")[0] for line in output.splitlines()]
    assert [line.split(":")[0] for line in printed.splitlines()] == labels
    assert printed.splitlines()[-1] == output.splitlines()[-1]


def test_the_readme_fits_one_screen():
    assert len(README.read_text().splitlines()) <= 155
    examples = blocks_of_the_readme()[2][1:]
    assert set(re.findall(r"skflow\.(\w+)", "".join(examples))) <= set(skflow.__all__)
    for example in examples:
        assert len([line for line in example.splitlines() if line]) <= 5


@pytest.mark.slow
def test_the_other_examples_of_the_readme_run():
    names = {}
    for code in blocks_of_the_readme()[2]:
        exec(code, names)
    known, new = names["kind"] == 1, names["kind"] == 0
    X = names["detector"].p_values(load_breast_cancer(as_frame=True).data)
    assert (X[known] <= 0.05).mean() < 0.1 < 0.7 < (X[new] <= 0.05).mean()
    held = (names["low"] <= names["y"][300:]) & (names["y"][300:] <= names["high"])
    assert 0.8 < held.mean() < 1
    assert (names["drawn"]["target"] == 2).all()
    assert not names["filled"].isna().any(axis=None)
    assert np.abs(np.median(np.abs(names["draws"]), axis=0) - [1, 0.5**0.5]).max() < 0.1
    assert names["sampler"].verdict_ == "good"
    assert abs(names["sampler"].log_evidence_ - np.log(4 * np.pi)) < 0.05


def measured_on_29_tables():
    """The table of the benchmarks, of each data set a dictionary of its columns."""
    text = (ROOT / "benchmarks/README.md").read_text()
    head, _, *lines = text.split("table: 29 tables -->")[1].split("<!-- end")[0].split("\n|")[1:]
    names = [cell.strip() for cell in head.split("|")]
    rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    return {
        row[0]: {n: float(x) for n, x in zip(names[1:], row[1:], strict=True) if n} for row in rows
    }


class TestFiguresThatPagesRepeat:
    """They are those of the benchmarks, which are measured anew now and then."""

    def test_mean_gains(self):
        tables = measured_on_29_tables().values()
        means = {}
        for name in ("stack", "NSF"):
            *others, _ = sorted(row[f"{name} gain"] for row in tables)
            means[name] = f"{np.mean(others):.2f}"
        stack, flow = means.values()
        assert f"on average {stack} and {flow} nats" in (ROOT / "docs/index.rst").read_text()
        assert f"on average {flow} nats a column ahead" in README.read_text()
        choosing = (ROOT / "docs/choosing.rst").read_text()
        assert f"29 of 29 tables, {stack} nats a column better" in choosing
        assert f"29 of 29, {flow} nats a column better" in choosing

    def test_small_tables(self):
        page = (ROOT / "docs/howto/small_tables.rst").read_text()
        measured = measured_on_29_tables()
        for name in ("sk-iris", "sk-wine", "sonar", "old-faithful"):
            row = measured[name]
            shown = [row[of] for of in ("GMM, tuned", "NSFDensity", "StackedDensity")]
            cells = "\n     - ".join(f"{x:.2f}" for x in shown)
            assert f"{row['rows']:.0f}\n     - {row['columns']:.0f}\n     - {cells}\n" in page

    def test_single_tables(self):
        choosing = (ROOT / "docs/choosing.rst").read_text()
        wine, gas = (measured_on_29_tables()[name] for name in ("sk-wine", "gas-drift128"))
        stack, flow, mixture = (wine[of] for of in ("StackedDensity", "NSFDensity", "GMM, tuned"))
        assert f"{stack} nats a row, NSF alone {flow:.2f}, tuned mixture {mixture}" in choosing
        flow, affine = gas["NSFDensity"], gas["MAFDensity"]
        assert f"{flow:.0f} and {affine:.0f} nats a row" in choosing


def test_what_the_readme_links_to_is_there():
    links = re.findall(r"\]\((?!https?://)([^)#]+)(?:#[^)]*)?\)", README.read_text())
    assert {"CHANGELOG.md", "docs/images/quickstart.png"} <= set(links)
    assert [link for link in links if not (ROOT / link).exists()] == []


def listed_in(page):
    """Names that the summaries of a page of the API reference list."""
    return re.findall(r"^   ([\w.]+)$", (ROOT / "docs/api" / page).read_text(), re.MULTILINE)


def test_api_reference_lists_every_public_name_once():
    assert sorted(listed_in("estimators.rst")) == sorted(skflow.__all__)


# Estimators have pages of their own, and what only they use is nobody else's.
ROOMS = {
    f"skflow.{name}"
    for name in (
        "codes",
        "conditionals",
        "estimators",
        "exceptions",
        "fitting",
        "images",
        "sources",
        "tables",
    )
}


def test_api_reference_lists_every_public_module():
    files = [file.relative_to(ROOT) for file in (ROOT / "skflow").iterdir()]
    modules = {f"skflow.{f.stem}" for f in files if f.suffix == ".py" or (ROOT / f).is_dir()}
    public = {name for name in modules if "._" not in name}
    assert set(listed_in("modules.rst")) == public - ROOMS


@pytest.mark.parametrize("name", ESTIMATORS)
class TestEstimators:
    def test_sections(self, name):
        found = sections(getattr(skflow, name).__doc__)
        wanted = {"Parameters", "Attributes", "References", "Examples", "See Also"}
        assert wanted <= set(found)
        assert re.search(rf">>> from skflow import .*\b{name}\b", found["Examples"])

    def test_no_placeholder_is_left(self, name):
        doc = getattr(skflow, name).__doc__
        assert not re.search(r"\{(classical )?(parameters|attributes)\}", doc)

    def test_every_parameter_and_no_other_is_explained(self, name):
        cls = getattr(skflow, name)
        section = sections(cls.__doc__)["Parameters"]
        assert documented_names(section) == set(cls().get_params())

    def test_every_attribute_is_explained(self, name):
        cls = getattr(skflow, name)
        X = [[float(i), float(i * i % 7) + 0.1 * i] for i in range(12)]
        model = quick(cls, **accepted(cls, {"preprocessing": "auto", "max_steps": 5})).fit(X)
        section = sections(cls.__doc__)["Attributes"]
        fitted = {n for n in vars(model) if n.endswith("_") and not n.startswith("_")}
        # "what auto came to" is explained once for all parameters
        of_parameters = {f"{name}_" for name in model.get_params()}
        unexplained = fitted - documented_names(section) - of_parameters
        assert unexplained == set()
        assert ("n_layers_, base_" in section) == (cls in TRAINED)

    def test_shapes_and_errors_of_the_methods(self, name):
        cls = getattr(skflow, name)
        latents = ("transform", "inverse_transform") if cls in FLOWS else ()
        for method in ("fit", "score_samples", "score", "sample", *latents):
            doc = getattr(cls, method).__doc__
            assert {"Parameters", "Returns"} <= set(sections(doc)), method


@pytest.mark.parametrize("name", PUBLIC)
def test_everything_public_has_a_docstring(name):
    obj = PUBLIC[name]
    own = obj.__dict__.get("__doc__") if inspect.isclass(obj) else obj.__doc__
    assert own
    assert len(own.strip().splitlines()[0]) <= 99
    assert own.strip().splitlines()[0].rstrip()[-1] in ".]:"


@pytest.mark.parametrize("name", [n for n in CLASSES if "bijections" in n or "bases" in n])
def test_constructor_arguments_are_explained(name):
    cls = CLASSES[name]
    accepted = set(inspect.signature(cls.__init__).parameters) - {"self", "args", "kwargs"}
    found = sections(cls.__doc__)
    explained = documented_names(found.get("Parameters", "") + found.get("Attributes", ""))
    # the number of features speaks for itself where it is all there is to say
    assert accepted - explained - {"n_features", "bijections", "bijection"} == set()
