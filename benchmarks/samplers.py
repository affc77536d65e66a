"""FlowSampler on six densities that are known exactly, beside dynesty.

    python benchmarks/samplers.py [--densities banana] [--seeds 3] [--dynesty]

Forty modes in a plane (Midgley et al. 2023), four modes, a banana, Neal's funnel of ten
parameters, eight schools (centred), and the many-well of eight parameters, whose constants are
exact or integrals over one parameter. Told are the rows that the log density was asked of, how
far the log evidence is off in nats, the modes that draws reach of those that exact ones do, R-hat,
the smallest effective number, and C2ST as in sbibm (a perceptron tells 2,000 draws from 2,000
exact ones; 0.5 is best). ``FlowSampler`` knows nothing but the number of parameters. With
``--dynesty`` (pip install dynesty) its static nested sampler and its dynamic one, at their
defaults, get a box around the density, with at most 300,000 calls each; draws are resampled by
weight. CPU seconds are of the fit.
"""

import argparse
import time
import warnings

import numpy as np
from _common import machine, verdict
from _known_densities import DENSITIES
from sklearn.model_selection import KFold, cross_val_score
from sklearn.neural_network import MLPClassifier

from skflow import FlowSampler

N_DRAWS, MOST_CALLS = 2_000, 300_000
C2ST, NATS = 0.55, 0.1


def c2st(exact, draws):
    shift, scale = exact.mean(axis=0), exact.std(axis=0)
    rows = (np.concatenate([exact, draws]) - shift) / scale
    label = np.repeat([0, 1], [len(exact), len(draws)])
    width = 10 * exact.shape[1]
    net = MLPClassifier((width, width), max_iter=10_000, random_state=1)
    return cross_val_score(net, rows, label, cv=KFold(5, shuffle=True, random_state=1)).mean()


def modes_met(rows, modes):
    return len(np.unique(((rows[:, None] - modes) ** 2).sum(axis=2).argmin(axis=1)))


def ours(known, seed):
    model = FlowSampler(n_features=len(known.box), random_state=seed).fit(known.log_density)
    note = f"R-hat {model.rhat_.max():.3f}, {model.ess_.min():.0f} effective, {model.verdict_}"
    return model.n_evaluations_, model.log_evidence_, model.sample(N_DRAWS, random_state=0), note


def nested(known, seed, kind):
    import dynesty

    low, high = known.box.T
    rng = np.random.default_rng(seed)
    sampler = getattr(dynesty, kind)(
        lambda x: float(known.log_density(x[None])[0]),
        lambda u: low + (high - low) * u,
        len(low),
        rstate=rng,
    )
    sampler.run_nested(print_progress=False, maxcall=MOST_CALLS)
    found = sampler.results
    share = found.importance_weights()
    rows = found.samples[rng.choice(len(share), N_DRAWS, p=share / share.sum())]
    log_evidence = float(found.logz[-1] + np.log(high - low).sum())
    note = f"+- {found.logzerr[-1]:.2f}, {1 / (share**2).sum():.0f} effective"
    return int(np.sum(found.ncall)), log_evidence, rows, note


def told(name, method, fit, known, seed):
    start = time.process_time()
    calls, log_evidence, rows, note = fit(known, seed)
    seconds = time.process_time() - start
    exact = known.draw(N_DRAWS, np.random.default_rng(100 + seed))
    score, gap = c2st(exact, rows), log_evidence - known.log_evidence
    modes, all_met = "", True
    if known.modes is not None:
        met, wanted = modes_met(rows, known.modes), modes_met(exact, known.modes)
        modes, all_met = f"modes {met}/{wanted}", met >= wanted
    print(
        f"{name:14s} {method:14s} seed {seed}: {calls:7d} calls  log Z {gap:+.3f}  "
        f"C2ST {score:.3f}  {modes:12s} {note}  {seconds:.0f} s",
        flush=True,
    )
    return score <= C2ST and abs(gap) <= NATS and all_met


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--densities", nargs="*", default=list(DENSITIES), choices=DENSITIES)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--dynesty", action="store_true")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    np.seterr(all="ignore")
    print(machine())
    passed = []
    for name in args.densities:
        for seed in range(args.seeds):
            known = DENSITIES[name](seed)
            passed.append(told(name, "FlowSampler", ours, known, seed))
            if args.dynesty:
                for kind in ("NestedSampler", "DynamicNestedSampler"):
                    told(name, kind, lambda k, s, kind=kind: nested(k, s, kind), known, seed)
    question = f"all modes, C2ST at most {C2ST}, log evidence within {NATS}"
    verdict(question, "all", f"{sum(passed)} of {len(passed)}", all(passed))


if __name__ == "__main__":
    main()
