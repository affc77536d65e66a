"""Models in a store of MLflow, which is not among the packages that tests need."""

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skflow
from tests.instances import quick

mlflow = pytest.importorskip("mlflow", reason="the package mlflow (or mlflow-skinny) is needed")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]  # of all that it imports


def rows():
    return pd.DataFrame(np.random.default_rng(0).normal(size=(40, 3)), columns=["a", "b", "c"])


MODELS = {
    "a density": lambda: quick(skflow.NSFDensity).fit(rows()),
    "a pipeline": lambda: make_pipeline(StandardScaler(), quick(skflow.NSFDensity)).fit(rows()),
}
TRUSTED = ["skflow.estimators.flows._autoregressive.NSFDensity"]
FORMATS = {"cloudpickle": {}, "skops": {"skops_trusted_types": TRUSTED}}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", MODELS)
def test_a_model_comes_back(name, form, tmp_path):
    import mlflow.sklearn

    model, X = MODELS[name](), rows()
    mlflow.sklearn.save_model(
        model,
        tmp_path / "model",
        serialization_format=form,
        signature=mlflow.models.infer_signature(X, model.score_samples(X)),
        pip_requirements=["skflow"],
        **FORMATS[form],
    )
    again = mlflow.sklearn.load_model(str(tmp_path / "model"))
    assert type(again) is type(model)
    np.testing.assert_array_equal(again.score_samples(X), model.score_samples(X))


def test_scores_as_predictions_of_a_file_of_save(tmp_path):
    import mlflow.pyfunc

    class Scores(mlflow.pyfunc.PythonModel):
        def load_context(self, context):
            self.density = skflow.load(context.artifacts["density"])

        def predict(self, context, model_input, params=None):
            return self.density.score_samples(model_input)

    density = quick(skflow.NSFDensity).fit(rows())
    density.save(tmp_path / "density.safetensors")
    mlflow.pyfunc.save_model(
        str(tmp_path / "model"),
        python_model=Scores(),
        artifacts={"density": str(tmp_path / "density.safetensors")},
        signature=mlflow.models.infer_signature(rows(), density.score_samples(rows())),
        pip_requirements=["skflow"],
    )
    served = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    np.testing.assert_array_equal(served.predict(rows()), density.score_samples(rows()))
