"""The training of nets of conditionals: any cells are known, and all others are asked for."""

from dataclasses import replace

import numpy as np
import torch

from skflow._clock import seconds_left, time_limit
from skflow._random import generator, seeded
from skflow._side_by_side import n_threads_for, side_by_side
from skflow._threads import threads
from skflow.training import Batch, Batches, Rows, TrainingConfig, train

__all__ = ["AnyConditional", "default_config", "fit_nets"]

STEPS_AN_EPOCH = 50
VALIDATION_CELLS = 2_000  # rows with known cells drawn for each, on which a net is judged
MOST_REPEATS = 8
PILOT_STEPS = 500
NOISES = (0.02, 0.1)  # that are tried, in deviations of a score


class AnyConditional:
    """Mean negative log density of the cells that are not known, (n,), in nats.

    Which are known is drawn anew for each row of a batch in training: how many, from none to all
    but one, and which. So the mean over rows and draws is that of minus the log density of a row
    by a random order of its columns, divided by their number (Hoogeboom et al. 2022, eq. 5).
    Validation rows come with a context that says which are known.

    Parameters
    ----------
    noise : float
        Standard deviation of noise on the scores of numbers, in training.
    """

    by_rows = False

    def __init__(self, noise):
        self.noise = noise

    def __call__(self, net, batch):
        values = batch.x
        seen = ~torch.isnan(values)
        if batch.context is None:
            known = draw_known(*values.shape) & seen
            values = self._noisy(net, values)
        else:
            known = batch.context > 0
        asked = (seen & ~known).to(values.dtype)
        log_prob = net.log_prob(values.nan_to_num(0.0), known)
        return -(log_prob * asked).sum(-1) / asked.sum(-1).clamp(min=1)

    def _noisy(self, net, values):
        if not net.numbers:
            return values
        columns = [net.scores[i] for i in net.numbers]
        scores = values[:, columns]
        noise = torch.empty_like(scores).normal_(generator=generator())
        values = values.clone()
        values[:, columns] = scores + self.noise * noise
        return values


def draw_known(n, d):
    """Draw for n rows which of d cells are known: from none to all but one, equally often."""
    rank = torch.rand(n, d, generator=generator()).argsort(1).argsort(1)
    return rank < torch.randint(0, d, (n, 1), generator=generator())


def fit_nets(make, values, weight, holder, config, batch_size, *, seed, n_jobs=None):
    """Fit nets that each hold a fold of the rows out, by which they stop.

    Parameters
    ----------
    make : callable
        Makes the net of the rows (m,) it is to start from.
    values : tensor of shape (n, d)
        Scores and codes, NaN in holes.
    weight : tensor of shape (n,) or None
    holder : ndarray of shape (n,)
        The member that holds each row out, -1 for none.
    config : TrainingConfig
        Its epochs are counted in steps.
    batch_size : int
    seed : int
    n_jobs : int or None

    Returns
    -------
    nets, histories : list
    """
    n_members = int(holder.max()) + 1
    with threads(1):
        pilots = [_Fit(make, values, weight, holder, replace(config,max_epochs=PILOT_STEPS), batch_size, seed, 0, noise) for noise in NOISES]
        tried = side_by_side(lambda fit: fit.run(0.1), pilots, n_jobs)
        best = int(np.argmin([history.validation_loss[0] for _, history in tried]))
        members = [
            _Fit(make, values, weight, holder, config, batch_size, seed, k, NOISES[best])
            for k in range(n_members)
        ]
        n_threads = n_threads_for(max(1, len(members)), n_jobs)
        fitted = side_by_side(lambda fit: fit.run(n_threads / len(members)), members, n_jobs)
    return zip(*fitted, strict=True)


class _Fit:
    """The fit of one net."""

    def __init__(self, make, values, weight, holder, config, batch_size, seed, member, noise):
        self.make, self.values, self.weight = make, values, weight
        self.held = torch.from_numpy(np.flatnonzero(holder == member))
        self.rest = torch.from_numpy(np.flatnonzero(holder != member))
        self.config, self.batch_size = config, batch_size
        self.seed = int(np.random.SeedSequence([seed, member]).generate_state(1)[0])
        self.noise = noise

    def run(self, share):
        """Train, in a share of the time that is left; return the net and its history."""
        with threads(1), seeded(self.seed), time_limit(share * seconds_left()):
            net = self.make(self.rest.numpy())
            return net, train(
                net,
                AnyConditional(self.noise),
                self._batches(),
                self._in_epochs(),
                validation=self._validation(),
            )

    def _batches(self):
        """Batches of an epoch that is some fifty steps long, however few rows there are."""
        size = min(self.batch_size, len(self.rest))
        repeats = max(1, round(STEPS_AN_EPOCH * size / len(self.rest)))
        table = Batch(self.values, None, self.weight)
        self.n_steps = max(1, round(len(self.rest) * repeats / size))
        return Batches(Rows(table, self.rest.repeat(repeats)), size)

    def _in_epochs(self):
        def epochs(steps):
            return max(1, round(steps / self.n_steps))

        config = self.config
        return replace(
            config,
            max_epochs=epochs(config.max_epochs),
            n_iter_no_change=epochs(config.n_iter_no_change),
        )

    def _validation(self):
        repeats = int(np.clip(VALIDATION_CELLS // max(1, len(self.held)), 1, MOST_REPEATS))
        rows = self.held.repeat(repeats)
        values = self.values[rows]
        known = draw_known(*values.shape) & ~torch.isnan(values)
        weight = None if self.weight is None else self.weight[rows]
        return Batch(values, known.to(values.dtype), weight)


def default_config(n_rows, verbose=0):
    """Return the settings of a fit to so many rows, whose epochs are counted in steps."""
    steps = int(np.clip(2_500 * (n_rows / 1_000) ** 0.25, 2_000, 8_000))
    return TrainingConfig(
        max_epochs=steps,
        learning_rate=2e-3,
        weight_decay=1e-4,
        n_iter_no_change=400,
        tol=1e-4,
        gradient_clip=1.0,
        warmup_steps=50,
        averaged_steps=100,
        verbose=verbose,
    )
