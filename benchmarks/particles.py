"""Equivariant flows of particle systems: effective draws and energies, with what they took.

    python benchmarks/particles.py [--system dw4] [--rows 1000] [--draws 10000] [--epochs 300]
        [--likelihood-epochs 2]
    SKFLOW_DATA=folder python benchmarks/particles.py --check

Four particles in the plane with two wells of their distances (DW4), and thirteen in space that
attract and repel each other (Lennard-Jones, LJ13): systems of Koehler, Klein & Noe (2020). Rows
are those of ``boltzmann/`` in the folder that SKFLOW_DATA names, where it is set; else of random
walks, made here. ``--check`` holds the energies against these rows: what stands before each term
is found from the rows alone, by score matching (Hyvarinen 2005), and must be that of the energy.
"""

import argparse
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from _common import machine, markdown, use_threads

from skflow import ContinuousFlowDensity


@dataclass(frozen=True)
class System:
    """Particles whose energy is a sum of powers of each distance, and of a pull to the centre."""

    particles: int
    dim: int
    shift: float
    powers: tuple  # (power of distance - shift, what stands before it)
    pull: float  # before half the squared distance to the centre
    published: str  # effective draws of flows fitted to 100,000 rows, percent
    files: tuple

    def energy(self, rows):
        """Energies (n,) of rows (n, particles * dim), in units of the temperature."""
        particles = rows.reshape(len(rows), self.particles, self.dim)
        i, j = np.triu_indices(self.particles, 1)
        away = np.linalg.norm(particles[:, i] - particles[:, j], axis=-1) - self.shift
        with np.errstate(over="ignore", divide="ignore"):
            pairs = sum(factor * away**power for power, factor in self.powers).sum(axis=1)
        centred = particles - particles.mean(axis=1, keepdims=True)
        return pairs + 0.5 * self.pull * (centred**2).sum(axis=(1, 2))


SYSTEMS = {
    "dw4": System(
        4, 2, 4.0, ((2, -4.0), (4, 0.9)), 0.0, "87 to 92", ("train_split_DW4", "test_split_DW4")
    ),
    "lj13": System(
        13,
        3,
        0.0,
        ((-12.0, 2.0), (-6.0, -4.0)),
        1.0,
        "40 to 58",
        ("val_split_LJ13-1000", "test_split_LJ13-1000"),
    ),
}


def walked(system, n, seed, n_walkers=500, n_steps=20_000):
    """Rows of random walks that move one particle at a time, from 20 to 1,000 steps apart."""
    rng = np.random.default_rng(seed)
    shape = n_walkers, system.particles, system.dim
    at = _beginning(system, rng, shape)
    energy, kept = system.energy(at.reshape(n_walkers, -1)), []
    every = max(20, n_steps * n_walkers // (2 * n))
    for step in range(n_steps):
        moved = at.copy()
        who = np.arange(n_walkers), rng.integers(system.particles, size=n_walkers)
        # steps of several sizes: within a well, and from one to another
        size = 10 ** rng.uniform(-1.5, 0.3, (n_walkers, 1))
        moved[who] += size * rng.standard_normal((n_walkers, system.dim))
        there = system.energy(moved.reshape(n_walkers, -1))
        accepted = np.log(rng.uniform(size=n_walkers)) < energy - there
        at, energy = (
            np.where(accepted[:, None, None], moved, at),
            np.where(accepted, there, energy),
        )
        if step >= n_steps // 2 and step % every == 0:
            kept.append(at - at.mean(axis=1, keepdims=True))
    rows = np.concatenate(kept).reshape(-1, system.particles * system.dim)
    return rng.permutation(rows)[:n]


def _beginning(system, rng, shape):
    """Particles on a grid as wide as they like it, a little off it."""
    side = int(np.ceil(system.particles ** (1 / system.dim)))
    grid = np.stack(np.meshgrid(*[np.arange(side)] * system.dim), axis=-1)
    spacing = 4.0 if system.shift else 1.05
    places = spacing * grid.reshape(-1, system.dim)[: system.particles]
    return places + 0.05 * rng.standard_normal(shape)


def rows_of(name, n, seed):
    """Rows to fit to: stored ones where there are any."""
    folder = os.environ.get("SKFLOW_DATA")
    if folder is None:
        return walked(SYSTEMS[name], n, seed)
    rows = np.load(Path(folder) / "boltzmann" / f"{SYSTEMS[name].files[0]}.npy").astype(float)
    return rows[np.random.default_rng(seed).permutation(len(rows))[:n]]


def factors(system, rows):
    """Find what stands before each power, and before the pull, by score matching."""
    particles = rows.reshape(len(rows), system.particles, system.dim)
    i, j = np.triu_indices(system.particles, 1)
    way = particles[:, i] - particles[:, j]
    distance = np.linalg.norm(way, axis=-1)
    sign = np.zeros((system.particles, len(i)))
    sign[i, range(len(i))], sign[j, range(len(i))] = 1, -1
    terms = [(power, system.shift) for power, _ in system.powers]
    terms += [(2, 0.0)] if system.pull else []  # half the squares to the centre: sum / 2 n
    slopes, bends = [], []
    for power, shift in terms:
        away = distance - shift
        first, second = power * away ** (power - 1), power * (power - 1) * away ** (power - 2)
        slope = sign @ ((first / distance)[..., None] * way)
        slopes.append(slope.reshape(len(rows), -1))
        bends.append(2 * (second + (system.dim - 1) / distance * first).sum(axis=1))
    products = np.einsum("anc,bnc->ab", slopes, slopes) / len(rows)
    return np.linalg.solve(products, np.mean(bends, axis=1))


def check(name):
    """Print energies of stored rows, and the factors that they have."""
    system, folder = SYSTEMS[name], Path(os.environ["SKFLOW_DATA"]) / "boltzmann"
    given = [factor for _, factor in system.powers]
    given += [0.5 * system.pull / system.particles] if system.pull else []
    for file in system.files:
        rows = np.load(folder / f"{file}.npy").astype(float)
        energy = system.energy(rows)
        found = ", ".join(f"{value:.4g}" for value in factors(system, rows))
        print(
            f"{file}: energy {energy.mean():.2f} +- {energy.std():.2f}, factors {found} "
            f"(given {', '.join(f'{value:.4g}' for value in given)})"
        )
    own = system.energy(walked(system, 5_000, 0))
    print(f"own random walks: energy {own.mean():.2f} +- {own.std():.2f}")


def measured(name, args, seed):
    system = SYSTEMS[name]
    rows = rows_of(name, args.rows, seed)
    start = time.process_time()
    density = ContinuousFlowDensity(
        symmetry={"particles": system.particles, "dim": system.dim},
        max_epochs=args.epochs or "auto",
        likelihood_epochs=args.likelihood_epochs,
        weight_decay=0.0,
        device=args.device,
        random_state=seed,
    ).fit(rows)
    fitted = time.process_time() - start
    draws = density.sample(args.draws, random_state=seed)
    energy = system.energy(draws)
    log_weights = -energy - density.score_samples(draws)
    taken = time.process_time() - start - fitted
    weights = np.exp(log_weights - log_weights.max())
    weights /= weights.sum()
    return [
        name,
        f"{len(rows):,}",
        seed,
        f"{100 / (weights**2).sum() / len(draws):.1f}",
        system.published,
        f"{np.median(energy):.2f}",
        f"{weights @ energy:.2f}",
        f"{system.energy(rows).mean():.2f}",
        f"{fitted:.0f}",
        f"{taken:.0f}",
    ]


HEAD = [
    "system",
    "rows",
    "seed",
    "effective draws, %",
    "published, %",
    "energy: median of draws",
    "weighted mean",
    "mean of rows",
    "fit, CPU s",
    "draws and scores, CPU s",
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--system", choices=SYSTEMS, default="dw4")
    parser.add_argument("--rows", type=int, default=1_000)
    parser.add_argument("--draws", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, help="passes over the rows; as the flow has it")
    parser.add_argument("--likelihood-epochs", type=int, default=0, help="passes after these")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--check", action="store_true", help="hold energies against stored rows")
    args = parser.parse_args()
    use_threads(1)
    if args.check:
        check(args.system)
        return
    print(f"{machine()}, {args.draws:,} draws\n")
    print(markdown(HEAD, [measured(args.system, args, seed) for seed in range(args.seeds)]))


if __name__ == "__main__":
    main()
