"""``python -m skflow``: what is installed, and whether it works here, in a minute or less."""

import argparse
import sys
import tempfile
import time
import warnings
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

PACKAGES = "torch", "scikit-learn", "numpy", "scipy", "joblib", "pandas", "constriction"


def versions():
    """Lines with the versions of Python and of what the package works with."""
    lines = [f"Python {sys.version.split()[0]} on {sys.platform}"]
    # of the code that runs: metadata of an editable install may be of an older version
    lines.append(f"skflow {import_module('skflow').__version__}")
    for name in PACKAGES:
        try:
            lines.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            lines.append(f"{name}: not installed")
    return lines


def _bent(n, seed):
    """Rows on a bent sheet: a Gaussian does not fit them."""
    rng = np.random.default_rng(seed)
    a, noise = rng.normal(size=n), rng.normal(size=n)
    return np.column_stack([a, a**2 + 0.3 * noise])


def _flow():
    """Fit a spline flow, which must be far better than a Gaussian."""
    from skflow.estimators import MixtureFlowDensity, NSFDensity

    X, new = _bent(500, 0), _bent(500, 1)
    flow = NSFDensity(random_state=0, max_seconds=20).fit(X)
    gain = flow.score(new) - MixtureFlowDensity(n_components=1).fit(X).score(new)
    return flow, gain > 0.5, f"{gain:.2f} nats a row better than a Gaussian"


def _integral(flow):
    """Sum the density over a grid, which must give one."""
    axes = np.linspace(-6, 6, 241), np.linspace(-4, 30, 681)
    cells = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    area = np.prod([axis[1] - axis[0] for axis in axes])
    total = float(np.exp(flow.score_samples(cells)).sum() * area)
    return abs(total - 1) < 0.02, f"the density sums up to {total:.4f}"


def _draws(flow):
    """Draw rows, which must be like those of the fit."""
    draws = flow.sample(2000, random_state=0)
    apart = abs(np.median(draws, axis=0) - np.median(_bent(5000, 2), axis=0)).max()
    return apart < 0.15, f"medians of draws are off by {apart:.3f}"


def _file(flow):
    """Write a file and read it, after which scores must be the same."""
    from skflow._persistence import load

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "density.safetensors"
        flow.save(path)
        again = load(path)
    new = _bent(50, 3)
    same = np.array_equal(again.score_samples(new), flow.score_samples(new))
    return same, "scores are the same after save and load"


def self_check():
    """Try the main things; print a line each and return whether all are well."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        flow, *found = _flow()
        results = {"fit": found} | {
            name: check(flow)
            for name, check in {"integral": _integral, "draws": _draws, "file": _file}.items()
        }
    for name, (well, what) in results.items():
        print(f"{name}: {what}: {'fine' if well else 'NOT AS IT SHOULD BE'}")
    print(f"{time.perf_counter() - start:.0f} s")
    return all(well for well, _ in results.values())


def main(argv=None):
    """Print versions, then check; the exit code is 1 if something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m skflow", description=__doc__)
    parser.add_argument("--versions", action="store_true", help="print the versions alone")
    options = parser.parse_args(argv)
    print("\n".join(versions()))
    return 0 if options.versions or self_check() else 1


if __name__ == "__main__":
    sys.exit(main())
