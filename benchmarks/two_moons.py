"""Two moons: a default fit beside the plain torch loop, in likelihood and in seconds.

    python benchmarks/two_moons.py [--repeats 3] [--rows 20000] [--steps 3000]

One thread. Both see the same rows (noise 0.07) and take turns. The loop is the worked example of
many tutorials: six affine couplings with 64 x 64 nets, Adam at 1e-3, batches of 256. The floor is
exact: the entropy of the true density, by quadrature.
"""

import argparse
import statistics
import time
import warnings

import numpy as np
import torch
from _common import machine, use_threads, verdict, warm_up
from _peers import PlainCoupling
from scipy.spatial.distance import cdist
from sklearn.datasets import make_moons

NOISE = 0.07
TARGET = 0.66


def moons(n_rows, seed):
    return make_moons(n_rows, noise=NOISE, random_state=seed)[0]


def true_log_density(X, n_nodes=256, block=5000):
    """Log density of ``make_moons``: two half circles, uniform in the angle, plus noise.

    make_moons spaces its angles evenly; at thousands of rows the spacing is far below the noise,
    so that the angle integral stands for it. Gauss-Legendre nodes lie closer than a third of the
    noise and the integrand is smooth: twice as many change no digit shown.
    """
    nodes, weights = np.polynomial.legendre.leggauss(n_nodes)
    angle = np.pi * (nodes + 1) / 2
    x, y = np.cos(angle), np.sin(angle)
    centres = np.concatenate([np.column_stack([x, y]), np.column_stack([1 - x, 0.5 - y])])
    # the weights sum to 2 on each of the two arcs, each of which holds half of the mass
    weights = np.concatenate([weights, weights]) / 4
    log_density = []
    for start in range(0, len(X), block):
        exponent = -cdist(X[start : start + block], centres, "sqeuclidean") / (2 * NOISE**2)
        top = exponent.max(axis=1, keepdims=True)
        log_density.append(top[:, 0] + np.log(np.exp(exponent - top) @ weights))
    return np.concatenate(log_density) - np.log(2 * np.pi * NOISE**2)


def entropy(step=0.02):
    """-integral of p log p on a grid; the trapezium rule converges fast on smooth densities."""
    a, b = np.meshgrid(np.arange(-1.7, 2.7, step), np.arange(-1.2, 1.7, step))
    log_density = true_log_density(np.column_stack([a.ravel(), b.ravel()]))
    return -(np.exp(log_density) * log_density).sum() * step**2


def fit_plain_loop(train, n_steps, seed):
    """Train and return the function that scores rows in their own units."""
    torch.manual_seed(seed)
    mean, scale = train.mean(axis=0), train.std(axis=0)

    def tensor(X):
        return torch.as_tensor((X - mean) / scale, dtype=torch.float32)

    flow, rows = PlainCoupling(2), tensor(train)
    optimizer = torch.optim.Adam(flow.parameters(), lr=1e-3)
    for _ in range(n_steps):
        loss = -flow.log_prob(rows[torch.randint(len(rows), (256,))]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def score_samples(X):
        with torch.no_grad():
            return flow.log_prob(tensor(X)).double().numpy() - np.log(scale).sum()

    return score_samples


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--steps", type=int, default=3_000)
    args = parser.parse_args()
    use_threads(1)
    warm_up()
    from skflow import NSFDensity

    print(machine())
    test = moons(20_000, seed=1_000_000)
    print(
        f"exact floor {entropy():.4f}; the true density on the test rows "
        f"{-true_log_density(test).mean():.4f}"
    )
    fits = {
        "plain torch loop": lambda X, seed: fit_plain_loop(X, args.steps, seed),
        "NSFDensity()": lambda X, seed: NSFDensity(random_state=seed).fit(X).score_samples,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # uncounted: what is imported once, is imported here
        NSFDensity(max_epochs=1).fit(test[:500])
    results = {name: [] for name in fits}
    for repeat in range(args.repeats):
        train = moons(args.rows, seed=repeat)
        for name in sorted(fits, reverse=bool(repeat % 2)):
            start = time.perf_counter()
            score_samples = fits[name](train, repeat)
            seconds = time.perf_counter() - start
            results[name].append((seconds, -score_samples(test).mean()))
            print(
                f"{name:17s} seed {repeat}: {seconds:6.1f} s, test NLL {results[name][-1][1]:.4f}"
            )
    medians = {
        name: [statistics.median(column) for column in zip(*runs, strict=True)]
        for name, runs in results.items()
    }
    (loop_s, loop_nll), (our_s, our_nll) = medians.values()
    verdict(
        "test NLL, median",
        f"<= {TARGET}",
        f"{our_nll:.4f} (loop {loop_nll:.4f})",
        our_nll <= TARGET,
    )
    verdict(
        "seconds beside the loop's, median", f"<= {loop_s:.1f}", f"{our_s:.1f}", our_s <= loop_s
    )


if __name__ == "__main__":
    main()
