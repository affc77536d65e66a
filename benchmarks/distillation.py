"""Students of fitted flows: how near they come, and how much faster they draw.

    python benchmarks/distillation.py [--table banknote] [--repeats 7] [--rows 10000]

One thread, alternating. The naive teacher inverts each autoregressive layer as it is defined:
one pass of the whole net a column. The package's own sampling computes each hidden unit once.
"""

import argparse
import time

import torch
from _common import alternate, machine, markdown, median_ratio, use_threads, verdict
from _tables import load, split

from skflow import MAFDensity, NSFDensity, distill
from skflow.bijections import Autoregressive
from skflow.flow import Ensemble

KL_PER_COLUMN = 0.05


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--table", default="banknote")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--rows", type=int, default=10_000)
    args = parser.parse_args()
    use_threads(1)
    print(machine())
    train, test = split(load(args.table))
    n, d = args.rows, train.shape[1]
    rows = []
    for teacher in (MAFDensity(random_state=0), NSFDensity(random_state=0)):
        name = type(teacher).__name__
        teacher, fitting = timed(teacher.fit, train)
        student, distilling = timed(distill, teacher, random_state=0)
        scores = [f"{model.score(test):.3f}" for model in (teacher, student)]
        kls = [
            f"{student.reverse_kl_:.3f} ± {student.reverse_kl_error_:.3f}",
            f"{student.forward_kl_:.3f} ± {student.forward_kl_error_:.3f}",
        ]
        rows.append([name, *scores, *kls, f"{fitting:.0f}", f"{distilling:.0f}"])
        per_column = student.reverse_kl_ / d
        verdict(
            f"{name}: reverse KL a column",
            f"< {KL_PER_COLUMN}",
            f"{per_column:.3f}",
            per_column < KL_PER_COLUMN,
        )
        compare_sampling(name, teacher, student, n, d, args.repeats)
    header = ["teacher", "test score", "student's", "KL(q, p)", "KL(p, q)", "fit, s", "distill, s"]
    print(markdown(header, rows))


def timed(function, *args, **kwargs):
    start = time.perf_counter()
    result = function(*args, **kwargs)
    return result, time.perf_counter() - start


def compare_sampling(name, teacher, student, n, d, repeats):
    calls = {
        "student": lambda: student.flow_.sample(n),
        "naive": lambda: naive_sample(teacher.flow_, n),
        "teacher": lambda: teacher.flow_.sample(n),
    }
    with torch.no_grad():
        times = alternate(calls, repeats)
    faster = median_ratio(times["naive"], times["student"])
    verdict(f"{name}: times faster than naive draws", f">= {d}", f"{faster:.1f}", faster >= d)
    ours = median_ratio(times["teacher"], times["student"])
    print(f"{name}: times faster than its own draws: {ours:.1f}")


def naive_sample(flow, n):
    """Draw n rows (n, d), every autoregressive layer inverted column by column."""
    if isinstance(flow, Ensemble):
        member = torch.randint(flow.n_members, (n,))
        most = int(torch.bincount(member, minlength=flow.n_members).max())
        draws = naive_sample(flow.members, most)
        rank = torch.cat([torch.arange(int((member == k).sum())) for k in range(flow.n_members)])
        return draws[member.sort().values, rank]
    x = flow.base.sample(n)
    for layer in reversed(flow.bijection.bijections):
        x = invert(layer, x) if isinstance(layer, Autoregressive) else layer.inverse(x)[0]
    return flow.preprocessing.inverse(x.double())[0]


def invert(layer, z):
    x = torch.zeros_like(z)
    for i in range(z.shape[-1]):
        raw = layer.net(x)
        x[..., i] = layer.elementwise.inverse(z[..., i], raw[..., i, :])[0]
    return x


if __name__ == "__main__":
    main()
