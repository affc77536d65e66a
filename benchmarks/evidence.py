"""log_evidence on densities whose integrals are known, and beside what samplers say themselves.

    python benchmarks/evidence.py [--targets banana] [--seeds 10] [--draws 4000] [--samplers]
    SKFLOW_DATA=folder python benchmarks/evidence.py

For each seed a target is drawn from exactly, and errors are told in nats: of ``log_evidence`` as
it comes, and of the same with a single Gaussian for density, which is what bridge sampling usually
is done with. Regressions of posteriordb are added where ``posteriors/NAME.json`` and ``.npz`` lie
in the folder that SKFLOW_DATA names; seeds take parts of their 10,000 reference draws.

With ``--samplers`` the draws are those of emcee and dynesty, where these are installed: dynesty
gives an evidence of its own, from the same calls.
"""

import argparse
import os
import sys
import time
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from _common import machine, markdown, use_threads, verdict
from _integrals import stored_regressions, targets
from sklearn.mixture import GaussianMixture

from skflow import log_evidence

NEAR, ENOUGH, OF = 0.05, 11, 12  # nats, and on how many of how many targets
COVERED = 0.9  # share of runs within two standard errors
# boxes that hold all but nothing of a target, as uniform priors for nested sampling
BOXES = {
    "banana": ([-60, -110], [60, 10]),
    "four modes": ([-10, -10], [10, 10]),
    "ring": ([-5, -5], [5, 5]),
}
CHAINS = "banana", "ring", "regression", "schools, not centred"


def draws_of(target, n, seed):
    if not hasattr(target, "reference"):
        return target.draw(np.random.default_rng(seed), n)
    step = len(target.reference) // n
    return target.reference[seed % step :: step][:n]


def measured(target, n, seed):
    """Errors, standard errors and what they took, of ours and of a single Gaussian."""
    draws, found = draws_of(target, n, seed), {}
    for name, density in (("ours", "auto"), ("gaussian", GaussianMixture(1))):
        start = time.process_time()
        result = log_evidence(
            draws, target.log_density, support=target.support, density=density, random_state=seed
        )
        found[name] = result, time.process_time() - start
    return found


def of_known(known, args):
    """Print the table of known integrals; whether all that is asked holds."""
    rows, near, covered = [], 0, []
    for name, make in known.items():
        target = make()
        runs = [measured(target, args.draws, seed) for seed in range(args.seeds)]
        ours, gaussian = ([run[kind][0] for run in runs] for kind in ("ours", "gaussian"))
        error = np.array([each.log_evidence for each in ours]) - target.log_evidence
        other = np.array([each.log_evidence for each in gaussian]) - target.log_evidence
        standard = np.array([each.standard_error for each in ours])
        within = np.abs(error) < 2 * standard
        near += np.abs(error).max() < NEAR
        covered += list(within)
        rows.append(
            [
                name,
                target.d,
                f"{np.abs(error).mean():.4f}",
                f"{np.abs(error).max():.4f}",
                f"{standard.mean():.4f}",
                f"{within.mean():.0%}",
                f"{np.abs(other).mean():.4f}",
                sum(each.verdict == "bad" for each in ours),
                f"{np.mean([each.n_evaluations for each in ours]):.0f}",
                f"{np.mean([run['ours'][1] for run in runs]):.1f}",
            ]
        )
        print(rows[-1], file=sys.stderr, flush=True)
    head = ["target", "d", "mean error", "worst", "standard error", "within two"]
    print(markdown([*head, "one Gaussian", "bad", "calls", "CPU s"], rows), end="\n\n")
    wanted = -(-ENOUGH * len(known) // OF)
    held = verdict("targets within 0.05 in all runs", f"at least {wanted}", near, near >= wanted)
    share = np.mean(covered)
    return held & verdict(
        "runs within two standard errors",
        f"at least {COVERED:.0%}",
        f"{share:.1%}",
        share >= COVERED,
    )


def of_dynesty(known, seed):
    """Print what dynesty says, and what its draws say."""
    import dynesty

    rows = []
    for name, (low, high) in BOXES.items():
        low, high, target = np.array(low), np.array(high), known[name]()
        log_volume = np.log(high - low).sum()

        def transform(u, low=low, high=high):
            return low + u * (high - low)

        def log_likelihood(x, target=target):
            return float(target.log_density(x[None])[0])

        sampler = dynesty.NestedSampler(
            log_likelihood, transform, target.d, nlive=500, rstate=np.random.default_rng(seed)
        )
        sampler.run_nested(print_progress=False)
        run, truth = sampler.results, target.log_evidence - log_volume
        found = log_evidence(
            run.samples_u,
            lambda u, f=target.log_density, transform=transform: f(transform(u)),
            log_weights=run.logwt,
            log_density_of_draws=run.logl,
            support={j: (0, 1) for j in range(target.d)},
        )
        own = f"{run.logz[-1] - truth:+.3f} ± {run.logzerr[-1]:.3f}"
        calls = [int(np.sum(run.ncall)), found.n_evaluations]
        rows.append([name, target.d, own, calls[0], _shown(found, truth), calls[1], found.verdict])
        print(rows[-1], file=sys.stderr, flush=True)
    head = ["target", "d", "dynesty's error", "its calls", "error from its draws", "more calls"]
    print(markdown([*head, "verdict"], rows), end="\n\n")


def of_emcee(known, seed):
    """Print what chains of emcee say."""
    import emcee

    rows = []
    for name in CHAINS:
        target, rng = known[name](), np.random.default_rng(seed)
        n_walkers = max(32, 2 * target.d + 2)
        start = target.draw(rng, n_walkers)
        sampler = emcee.EnsembleSampler(n_walkers, target.d, target.log_density, vectorize=True)
        sampler.random_state = np.random.RandomState(seed).get_state()  # noqa: NPY002
        sampler.run_mcmc(start, 4_000)
        found = log_evidence(
            np.swapaxes(sampler.get_chain(discard=1_000), 0, 1),
            target.log_density,
            log_density_of_draws=sampler.get_log_prob(discard=1_000).T,
        )
        shown = _shown(found, target.log_evidence)
        worth = f"{found.n_effective:.0f}"
        rows.append(
            [name, target.d, found.n_draws, worth, shown, found.n_evaluations, found.verdict]
        )
    print(
        markdown(["target", "d", "draws", "worth", "error", "calls", "verdict"], rows), end="\n\n"
    )


def _shown(found, truth):
    return f"{found.log_evidence - truth:+.4f} ± {found.standard_error:.4f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--targets", nargs="+", choices=list(targets()), default=list(targets()))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--draws", type=int, default=4_000)
    parser.add_argument("--samplers", action="store_true", help="draws of emcee and dynesty")
    args = parser.parse_args()
    use_threads(1)
    warnings.simplefilter("ignore")
    print(machine(), end="\n\n")
    if args.samplers:
        for name, measure in (("dynesty", of_dynesty), ("emcee", of_emcee)):
            if find_spec(name):
                measure(targets(), seed=0)
            else:
                print(f"{name} is not installed")
        return
    known = {name: make for name, make in targets().items() if name in args.targets}
    folder = Path(os.environ.get("SKFLOW_DATA", "")) / "posteriors"
    if "SKFLOW_DATA" in os.environ and len(known) == len(targets()) and folder.exists():
        known |= {name: lambda t=t: t for name, t in stored_regressions(folder).items()}
    sys.exit(not of_known(known, args))


if __name__ == "__main__":
    main()
