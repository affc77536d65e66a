"""How far densities given a context are from the truth, where it is known.

    python benchmarks/context.py [--n 800 5000] [--seeds 3] [--flow]

Three simulators with one column c of context and one row y, where e is standard normal: a line,
y = 2 c + 0.5 e; two branches, y = c or -c, + 0.1 e; and a spread that changes, y = sin(3 c) +
exp(c - 1) e. The gap is the mean over 4,000 fresh rows of the true log density less that of the
fit, in nats, and then over the seeds. A quarter of an hour on one thread; ``--flow`` adds the
default spline flow, and half an hour.
"""

import argparse
import warnings

import numpy as np
from _common import machine, markdown, seconds, use_threads
from scipy.stats import norm
from sklearn.base import clone

import skflow

N_NEW = 4_000
KERNELS, MIXTURE = skflow.KernelFlowDensity(), skflow.MixtureFlowDensity()
DENSITIES = {
    "kernels": KERNELS,
    "mixture": MIXTURE,
    "stack of both": skflow.StackedDensity([("kernels", KERNELS), ("mixture", MIXTURE)]),
}


def line(rng, n):
    c = rng.normal(size=(n, 1))
    y = 2 * c + 0.5 * rng.normal(size=(n, 1))
    return y, c, norm(2 * c, 0.5).logpdf(y)


def two_branches(rng, n):
    c = rng.uniform(-1, 1, size=(n, 1))
    y = rng.choice([-1, 1], size=(n, 1)) * c + 0.1 * rng.normal(size=(n, 1))
    return y, c, np.logaddexp(norm(c, 0.1).logpdf(y), norm(-c, 0.1).logpdf(y)) - np.log(2)


def changing_spread(rng, n):
    c = rng.uniform(-1, 1, size=(n, 1))
    truth = norm(np.sin(3 * c), np.exp(c - 1))
    y = truth.rvs(random_state=rng)
    return y, c, truth.logpdf(y)


def gap(density, draw, n, seed):
    """Nats a row that a default fit to n rows lacks, and the seconds that it took."""
    rng = np.random.default_rng(seed)
    y, c, _ = draw(rng, n)
    y_new, c_new, truth = draw(rng, N_NEW)
    density = clone(density).set_params(random_state=seed)
    spent = seconds(lambda: density.fit(y, context=c))
    return truth.mean() - density.score(y_new, context=c_new), spent


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--n", type=int, nargs="+", default=[800, 5_000])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--flow", action="store_true", help="the default spline flow as well")
    args = parser.parse_args()
    use_threads(1)
    warnings.simplefilter("ignore")
    print(machine(), end="\n\n")
    flow = {"spline flow": skflow.NSFDensity()} if args.flow else {}
    rows = []
    for draw in (line, two_branches, changing_spread):
        for n in args.n:
            for name, density in (DENSITIES | flow).items():
                found = [gap(density, draw, n, seed) for seed in range(args.seeds)]
                gaps, spent = np.transpose(found)
                rows.append([draw.__name__, n, name, f"{gaps.mean():.4f}", f"{spent.mean():.1f}"])
    print(markdown(["simulator", "rows", "density", "gap, nats", "fit, s"], rows))


if __name__ == "__main__":
    main()
