"""Write the files that versions to come must be able to load; run once for each format."""

import sys
from pathlib import Path

import numpy as np

import skflow
from skflow._persistence._layout import FORMAT
from tests.instances import quick

if __name__ == "__main__":
    X = np.random.default_rng(0).normal(size=(30, 2))
    models = {"maf": quick(skflow.MAFDensity, n_members=2), "stack": quick(skflow.StackedDensity)}
    for name, model in models.items():
        path = Path(sys.argv[0]).parent / f"{name}-format-{FORMAT}.safetensors"
        model.fit(X).save(path)
        np.save(path.with_name(f"{name}-scores.npy"), model.score_samples(X))
