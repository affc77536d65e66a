"""The table of comforts, docs/comforts.rst: the page has each row, and its test is there.

After a change of ``COMFORTS``, from the root of the repository:

    python -m tests.test_comforts
"""

import ast
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.utils import get_tags

import skflow
from tests.instances import quick

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "comforts.rst"
MARK = ".. the table is written by tests/test_comforts.py"
HERE = "tests/test_comforts.py::"
SKLEARN = "tests/estimators/test_sklearn.py::"
# what, one line of code, the test that shows it
COMFORTS = [
    (
        "All of scikit-learn's checks of estimators, without an exception",
        "check_estimator(NSFDensity())",
        f"{SKLEARN}test_sklearns_checks",
    ),
    (
        "``clone``, ``get_params`` and ``set_params``; a fit changes no parameter",
        "clone(density).set_params(n_layers=3)",
        f"{SKLEARN}TestParameters::test_clone_and_set_params",
    ),
    (
        "Pipelines, before and behind other steps",
        "make_pipeline(PCA(2), NSFDensity()).fit(X)",
        f"{SKLEARN}TestCompany::test_pipeline_with_pca",
    ),
    (
        "Searches, in processes side by side",
        'GridSearchCV(NSFDensity(), {"n_layers": [2, 4]}, n_jobs=2).fit(X)',
        f"{SKLEARN}TestCompany::test_grid_search_in_parallel",
    ),
    (
        "Scorers of log density, CRPS, intervals for searches over regressors",
        'GridSearchCV(FlowRegressor(), grid, scoring=get_scorer("neg_crps"))',
        "tests/metrics/test_scorers.py::test_searches_find_the_true_spread",
    ),
    (
        "Metadata routing of weights and contexts",
        "NSFDensity().set_fit_request(sample_weight=True)",
        f"{SKLEARN}TestMetadataRouting::test_pipeline",
    ),
    (
        "scikit-learn's callbacks, down to epochs; one that returns True ends the fit",
        "NSFDensity().set_callbacks(ProgressBar())",
        "tests/test_callbacks.py::TestThoseOfScikitLearn::test_progress_bar",
    ),
    (
        "Data frames of pandas and polars: the same scores, names in ``feature_names_in_``",
        "density.fit(frame).score_samples(frame)",
        f"{SKLEARN}TestTables::test_column_names",
    ),
    (
        "and of pyarrow and narwhals, for every density",
        "density.fit(arrow_table)",
        "tests/test_containers.py::test_every_density_takes_every_frame",
    ),
    (
        "Array API: tensors and arrays of other libraries are answered in kind",
        "with config_context(array_api_dispatch=True): density.score_samples(tensor)",
        "tests/estimators/test_kinds.py::TestAnswers::test_of_a_fit_to_them",
    ),
    (
        "and stay on their device",
        "density.transform(tensor).device == tensor.device",
        "tests/estimators/test_kinds.py::TestTensors::test_stay_where_they_are",
    ),
    (
        "scikit-learn's own checks of the array API",
        "check_array_api_input_and_values(name, density, namespace, device)",
        "tests/estimators/test_kinds.py::TestScikitLearnsChecks::test_of_methods",
    ),
    (
        "``set_output`` of draws",
        'density.set_output(transform="polars").sample(9)',
        "tests/estimators/test_output.py::test_draws",
    ),
    (
        "Columns in another order, or others, are refused",
        "density.score_samples(frame.iloc[:, ::-1])",
        f"{SKLEARN}TestTables::test_columns_in_another_order_are_refused",
    ),
    (
        "``get_feature_names_out`` and ``set_output`` of ``transform``",
        'density.set_output(transform="pandas").transform(X)',
        f"{SKLEARN}TestTables::test_names_of_the_output",
    ),
    (
        "Messages name columns as the table does",
        "density.fit(frame_with_a_hole)",
        "tests/test_validation.py::TestData::test_nan_and_inf_name_the_column",
    ),
    (
        "and rows by the label in their index",
        "density.fit(frame_with_a_hole)",
        "tests/test_input.py::TestRows::test_in_every_message_about_rows",
    ),
    (
        "Files, queries and blocks that do not fit in memory",
        'density.fit("rows.parquet")',
        "tests/sources/test_fits.py::test_a_fit_is_that_of_the_table",
    ),
    (
        "Dask collections are answered lazily",
        "density.score_samples(dask_frame)",
        "tests/sources/test_dask.py::TestNothingIsComputed::test_of_frames",
    ),
    (
        "One seed, one result; nothing global is touched",
        "NSFDensity(random_state=0).fit(X)",
        "tests/test_random.py::test_the_seed_alone_counts_and_nothing_global_is_touched",
    ),
    (
        "``n_jobs`` changes no bit",
        "TableDensity(n_jobs=2, random_state=0).fit(frame)",
        "tests/estimators/frames/test_table_density.py::TestScores::test_do_not_depend_on_jobs",
    ),
    (
        "``parallel_config`` says how many threads there are",
        "with parallel_config(n_jobs=2): density.score_samples(X)",
        f"{HERE}test_parallel_config",
    ),
    (
        "Forked workers and threads score as one alone",
        "ProcessPoolExecutor().map(density.score_samples, blocks)",
        "tests/estimators/test_promises.py::TestBits::test_are_the_same_in_a_forked_child",
    ),
    (
        "Ctrl-C leaves a fitted estimator with the best weights so far",
        "density.fit(X)",
        "tests/estimators/test_behaviour.py::TestInterrupt::test_leaves_a_usable_estimator",
    ),
    (
        "and a folder from which the next fit goes on",
        'NSFDensity(checkpoint="state").fit(X)',
        "tests/estimators/test_resumed.py::test_ctrl_c_keeps_files_and_the_next_fit_goes_on",
    ),
    (
        "Time for the whole fit",
        "NSFDensity(max_seconds=60).fit(X)",
        "tests/estimators/test_promises.py::TestTime::test_of_the_whole_fit_is_kept",
    ),
    (
        "A fit that fails leaves the last one whole",
        "density.fit(bad)",
        "tests/estimators/test_promises.py::TestTheLastFitStaysWhole::test_where_a_refit_is_refused",
    ),
    (
        "Nothing is printed unless ``verbose`` asks for it",
        "NSFDensity(verbose=1).fit(X)",
        "tests/estimators/test_behaviour.py::TestOutput::test_quiet",
    ),
    (
        "Pickle and joblib: equal bits",
        'joblib.dump(pipeline, "pipeline.joblib")',
        f"{SKLEARN}test_joblib_scores_bit_equal",
    ),
    (
        "Files without code, read in any process",
        'density.save("density.safetensors")',
        "tests/persistence/test_round_trip.py::test_a_fresh_process_loads_without_pickle",
    ),
    (
        "Files of earlier versions are read: the same scores",
        'skflow.load("density.safetensors")',
        "tests/persistence/test_golden_files.py::"
        "test_a_file_of_another_version_of_the_package_still_loads",
    ),
    (
        "Files without code of regressors, their trees included, too",
        'FlowRegressor().fit(X, y).save("regressor.safetensors")',
        "tests/persistence/test_parts.py::TestRegressor::test_of_default_features",
    ),
    (
        "Files without code of posteriors, with priors of scipy.stats",
        'SimulationPosterior(prior=[norm()]).fit(theta, x).save("posterior.safetensors")',
        "tests/persistence/test_parts.py::TestPosterior::test_every_prior",
    ),
    (
        "skops, with a trust list of our types alone",
        'skops.io.dump(pipeline, "pipeline.skops")',
        "tests/persistence/test_skops.py::test_it_comes_back_with_a_trust_list_of_our_types_only",
    ),
    (
        "MLflow: models come back, by cloudpickle and skops",
        'mlflow.sklearn.log_model(pipeline, name="density")',
        "tests/persistence/test_mlflow.py::test_a_model_comes_back",
    ),
    (
        "Programs of torch alone, for services",
        'density.export("density.pt2")',
        "tests/estimators/test_export.py::test_bounds_periods_and_constants_without_the_package",
    ),
    (
        "Model cards: data, settings, scores with errors, limits, versions",
        "print(density.model_card(X_test))",
        "tests/diagnostics/card/test_card.py::TestEveryCard::test_of_rows",
    ),
    (
        "Reports in notebooks and in one file, without a network",
        'diagnose(density, X_test).to_html("report.html")',
        "tests/diagnostics/pages/test_results.py::test_file",
    ),
    (
        "Notebooks show estimators as scikit-learn's, with few fitted attributes",
        "density",
        f"{HERE}test_html_repr",
    ),
    (
        "``repr`` shows what was set and no more",
        "repr(NSFDensity(n_layers=3))",
        f"{SKLEARN}TestParameters::test_repr_shows_what_was_set",
    ),
    (
        "Tags say what estimators take: holes, categories, no sparse tables",
        "get_tags(NSFDensity()).input_tags.allow_nan",
        f"{HERE}test_tags",
    ),
    (
        "ArviZ reads draws of samplers, and gives its own to ``log_evidence``",
        "sampler.to_arviz()",
        "tests/estimators/sampler/test_sampler.py::TestProtocol::test_arviz",
    ),
    (
        "Types of public signatures; wrong calls are found by mypy",
        'NSFDensity(n_layers="many")',
        "tests/test_types.py::test_every_wrong_call_is_found",
    ),
    (
        "``import skflow`` loads neither torch nor matplotlib",
        "import skflow",
        "tests/test_imports.py::test_torch_and_matplotlib_stay_out",
    ),
    (
        "Versions, and a check of the installation",
        "python -m skflow",
        "tests/test_main.py::test_versions_are_printed",
    ),
    (
        "Old names go on working for two minor versions, with what to write instead",
        "warnings.simplefilter('error', FutureWarning)",
        "tests/test_deprecated.py::TestParameter::test_the_old_name_works_and_warns",
    ),
]


def rows(n=50):
    return np.random.default_rng(0).normal(size=(n, 2))


def table():
    """Return the table of the page, in reStructuredText."""
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 40 30 30", ""]
    cells = [("what", "how", "shown by"), *((w, f"``{c}``", f"``{t}``") for w, c, t in COMFORTS)]
    for row in cells:
        marks = ("   * - ", "     - ", "     - ")
        lines += [mark + cell for mark, cell in zip(marks, row, strict=True)]
    return "\n".join(lines)


@cache
def defined(path):
    """Names of the tests of a file, with their classes."""
    names = set()
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        whose = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        inner = node.body if whose else [node]
        names |= {whose + each.name for each in inner if isinstance(each, ast.FunctionDef)}
    return names


@pytest.mark.parametrize("test", [test for *_, test in COMFORTS])
def test_it_has_a_test(test):
    path, name = test.split("::", 1)
    assert re.search(r"(^|::)test_", name)
    assert name in defined(path)


def test_the_page_has_the_table():
    head, mark, found = PAGE.read_text(encoding="utf-8").partition(MARK)
    assert mark
    assert found.strip() == table()


def test_there_are_enough_and_none_is_told_twice():
    assert len(COMFORTS) >= 20
    assert len({what for what, *_ in COMFORTS}) == len(COMFORTS)


def test_parallel_config():
    model = quick(skflow.NSFDensity).fit(rows())
    assert model._workers["n_jobs"] is None
    many = np.tile(rows(), (100, 1))
    alone = model.score_samples(many)
    with parallel_config(n_jobs=2):
        np.testing.assert_array_equal(model.score_samples(many), alone)
        again = quick(skflow.NSFDensity).fit(rows())
    np.testing.assert_array_equal(again.score_samples(many), alone)


def test_html_repr():
    model = quick(skflow.NSFDensity)
    assert "NSFDensity" in model._repr_html_()
    html = model.fit(rows())._repr_html_()
    assert "NSFDensity" in html
    assert "n_layers" in html
    public = [name for name in vars(model) if name.endswith("_") and name[0] != "_"]
    assert len(public) <= 30


def test_tags():
    assert get_tags(skflow.NSFDensity()).estimator_type == "density_estimator"
    assert not get_tags(skflow.NSFDensity()).input_tags.allow_nan
    assert not get_tags(skflow.NSFDensity()).input_tags.sparse
    assert get_tags(skflow.TableDensity()).input_tags.allow_nan
    assert get_tags(skflow.TableDensity()).input_tags.categorical
    assert get_tags(skflow.FlowImputer()).input_tags.allow_nan
    assert get_tags(skflow.FlowRegressor()).target_tags.multi_output
    assert get_tags(skflow.FlowClassifier()).estimator_type == "classifier"
    assert get_tags(skflow.FlowOutlierDetector()).estimator_type == "outlier_detector"


if __name__ == "__main__":
    head, mark, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    PAGE.write_text(f"{head}{mark}\n\n{table()}\n", encoding="utf-8")
