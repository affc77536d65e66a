"""Mutual information of Gaussian pairs behind warps; weights for shifted tables beside rivals.

    SKFLOW_DATA=folder python benchmarks/ratios.py [information] [shift] [--quick]

**information**: x and y are the first and the second of d / 2 pairs of normal numbers whose
correlation makes their mutual information 10, 20, 40 and 80 nats in d = 40, 80, 160 and 320, the
exam of telescoping density-ratio estimation (Rhodes, Xu & Gutmann 2020), 100,000 rows. As they
are, and behind warps of each half, which change nothing: ``cube`` and ``sinh`` of every column,
``mixed`` (a random rotation, sinh of every column, a rotation) and ``coupled`` (a rotation, then
two couplings, tanh networks that scale and shift one half of the columns by what the other is).

**shift**: ten tables whose training rows are biased, see ``_shifted.py``: the loss on test rows of
a linear model with weights of ``DensityRatio``, of uLSIF (``densratio``, if it is installed), of a
logistic classifier, and without; the mean over the seeds.

Each measurement is written to ratios_information.csv or ratios_shift.csv as soon as it is done;
``--resume`` goes on from there.
"""

import argparse
import resource
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from _common import verdict
from _frames import finish, leave, start
from _outliers import by_table
from _shifted import SHIFTED, Split, logistic_weights, ulsif_weights

from skflow import DensityRatio, mutual_information

PAIRS = {40: 10.0, 80: 20.0, 160: 40.0, 320: 80.0}  # nats by columns
WARPED = 40, 80
PLAIN, WARPS = "plain", ("cube", "sinh", "mixed", "coupled")
ALLOWED = {True: 0.05, False: 0.15}  # by whether it is plain
N_ROWS, HIDDEN = 100_000, 32
WON = 0.8  # of the tables


def pairs(d, nats, n, seed):
    """Halves x and y (n, d / 2) of normal pairs with so many nats in all."""
    rng = np.random.default_rng(seed)
    x, noise = rng.normal(size=(2, n, d // 2))
    correlation = np.sqrt(1 - np.exp(-4 * nats / d))
    return x, correlation * x + np.sqrt(1 - correlation**2) * noise


def warped(x, warp, seed):
    """Map a half by an invertible function."""
    rng = np.random.default_rng([seed, x.shape[1]])
    if warp == PLAIN:
        return x
    if warp in ("cube", "sinh"):
        return x**3 if warp == "cube" else np.sinh(x)
    turn, other = (np.linalg.qr(rng.normal(size=2 * (x.shape[1],)))[0] for _ in range(2))
    if warp == "mixed":
        return np.sinh(x @ turn) @ other
    return _coupled(_coupled(x @ turn, rng), rng)


def _coupled(x, rng):
    still, moved = np.split(x, [x.shape[1] // 2], axis=1)
    first = rng.normal(size=(still.shape[1], HIDDEN)) / still.shape[1] ** 0.5
    second = rng.normal(size=(2, HIDDEN, moved.shape[1])) / HIDDEN**0.5
    scale, shift = np.tanh(still @ first) @ second
    return np.hstack([moved * np.exp(0.5 * np.tanh(scale)) + shift, still])


def information(args):
    """Measure the pairs that are asked for; verdicts."""
    journal = start(args, "ratios_information", ("warp", "columns", "seed"))
    n = N_ROWS // 20 if args.quick else N_ROWS
    for warp in args.warps:
        for d in args.columns or (PAIRS if warp == PLAIN else WARPED):
            for seed in range(args.seeds):
                if (warp, d, seed) not in journal:
                    journal.add(_one_information(warp, d, seed, n))
                    told = journal.rows[-1]
                    print(" ".join(f"{name} {value}" for name, value in told.items()), flush=True)
    names = "nats", "estimate", "error", "off", "method", "seconds", "peak_mib"
    lines = [[row[name] for name in ("warp", "columns", "seed", *names)] for row in journal.rows]
    title = f"Mutual information of {n} pairs, nats; off in % of it:"
    finish(journal, title, ["warp", "columns", "seed", *names], lines)
    checks = []
    for is_plain, allowed in ALLOWED.items():
        off = [abs(row["off"]) for row in journal.rows if (row["warp"] == PLAIN) is is_plain]
        if off:
            what = f"largest error, %, {'plain' if is_plain else 'behind warps'}"
            limit = 100 * allowed
            checks.append(verdict(what, f"at most {limit:.0f}", max(off), max(off) <= limit))
    return checks


def _one_information(warp, d, seed, n):
    x, y = pairs(d, PAIRS[d], n, seed)
    x, y = warped(x, warp, 2 * seed), warped(y, warp, 2 * seed + 1)
    begun = time.process_time()
    found = mutual_information(x, y, random_state=seed)
    spent = time.process_time() - begun
    return {
        "warp": warp,
        "columns": d,
        "seed": seed,
        "nats": PAIRS[d],
        "estimate": round(found.estimate, 3),
        "error": round(found.standard_error, 3),
        "off": round(100 * (found.estimate / PAIRS[d] - 1), 2),
        "method": found.method,
        "seconds": round(spent),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def shift(args):
    """Measure the shifted tables; verdicts."""
    journal = start(args, "ratios_shift", ("table", "seed"))
    rivals = ["uLSIF"] * bool(find_spec("densratio")) + ["logistic"]
    for table in args.tables:
        for seed in range(args.first_split, args.first_split + args.splits):
            if (table, seed) not in journal:
                journal.add({"table": table, "seed": seed} | _one_shift(table, seed, rivals))
                told = journal.rows[-1]
                print(" ".join(f"{name} {value}" for name, value in told.items()), flush=True)
    names = "ours", *rivals, "none", "khat", "seconds"
    means = {
        table: {name: np.mean([row[name] for row in rows]) for name in names}
        for table, rows in by_table(journal.rows)
    }
    title = "Loss on test rows, the mean over the seeds:"
    lines = [[table, *(f"{each[name]:.4f}" for name in names)] for table, each in means.items()]
    finish(journal, title, ["table", *names], lines)
    asked = int(np.ceil(WON * len(means)))
    won = {r: sum(each["ours"] <= each[r] for each in means.values()) for r in rivals}
    return [
        verdict(f"tables not above {rival}", f"at least {asked}", count, count >= asked)
        for rival, count in won.items()
    ]


def _one_shift(table, seed, rivals):
    split = Split(table, seed)
    begun = time.process_time()
    ratio = DensityRatio(random_state=seed).fit(split.X_test, split.X)
    weights = {"ours": ratio.importance_weights(split.X)}
    spent = time.process_time() - begun
    if "uLSIF" in rivals:
        weights["uLSIF"] = ulsif_weights(split, seed)
    weights |= {"logistic": logistic_weights(split), "none": np.ones(len(split.X))}
    errors = {name: split.error(each) for name, each in weights.items()}
    return errors | {"khat": ratio.khat_, "seconds": spent}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="*", default=["information", "shift"])
    parser.add_argument("--warps", nargs="*", default=(PLAIN, *WARPS), choices=(PLAIN, *WARPS))
    parser.add_argument("--columns", nargs="*", type=int, choices=PAIRS)
    parser.add_argument("--seeds", type=int, default=1, help="of the pairs")
    parser.add_argument("--tables", nargs="*", default=SHIFTED, choices=SHIFTED)
    parser.add_argument("--splits", type=int, default=5, help="seeds of each shifted table")
    parser.add_argument("--first-split", type=int, default=0, help="the first of these seeds")
    parser.add_argument("--quick", action="store_true", help="a twentieth of the pairs")
    parser.add_argument("--resume", action="store_true", help="keep what the CSV files hold")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    args = parser.parse_args()
    checks = []
    for part in args.parts:
        checks += {"information": information, "shift": shift}[part](args)
    leave(checks)


if __name__ == "__main__":
    main()
