"""The training of nets of conditionals: any cells are known, and all others are asked for."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Event

import numpy as np
import torch

from skflow._clock import seconds_left, time_limit
from skflow._random import generator, seeded
from skflow._side_by_side import n_threads_for, side_by_side
from skflow._threads import threads
from skflow._watch import named_training, tell
from skflow.training import Batch, Batches, Rows, TrainingConfig, train

__all__ = ["AnyConditional", "default_config", "draw_known", "fit_nets", "rows_given"]

STEPS_AN_EPOCH = 50
VALIDATION_ROWS = 2_000  # on which a net is judged, those held out being repeated
MOST_REPEATS = 8
MOST_HELD_OUT = 10_000
ROWS_A_SET = 16
PATIENCE = 6  # part of all steps after which one without progress is the last
PILOT_STEPS, PILOT_SHARE = 300, 0.1  # by which the noise is chosen; of a limited time
SHARE = 0.95  # of the time that then is left, since shares of neighbours come after
MOST_GAINED = 1.0
NOISES = (0.02, 0.1)  # that are tried, in deviations of a score


class AnyConditional:
    """Mean negative log density of the cells that are not known, (n,), in nats.

    Which are known is drawn anew for each row of a batch in training: how many, from none to all
    but one, and which. So the mean over rows and draws is that of minus the log density of a row
    by a random order of its columns, divided by their number (Hoogeboom et al. 2022, eq. 5).
    Validation rows come with a context that says which are known. See :func:`rows_given` for what
    rows hold.

    Parameters
    ----------
    noise : float
        Standard deviation of noise on the scores of numbers, in training.
    """

    by_rows = False

    def __init__(self, noise):
        self.noise = noise

    def __call__(self, net, batch):
        seen, there = (~torch.isnan(part) for part in batch.x.chunk(2, dim=1))
        known = draw_known(*seen.shape) & seen if batch.context is None else batch.context > 0
        values = rows_given(batch.x, known)
        if batch.context is None:
            values = self._noisy(net, values)
        asked = (there & ~known).to(values.dtype)
        log_prob = net.log_prob(values.nan_to_num(0.0), known)
        return -(log_prob * asked).sum(-1) / asked.sum(-1).clamp(min=1)

    def _noisy(self, net, values):
        if not net.numbers:
            return values
        columns = [net.encoding.scores[i] for i in net.numbers]
        scores = values[:, columns]
        noise = torch.empty_like(scores).normal_(generator=generator())
        values = values.clone()
        values[:, columns] = scores + self.noise * noise
        return values


def rows_given(cells, known):
    """Rows (n, d) of which some cells are known and all others asked for.

    Parameters
    ----------
    cells : tensor of shape (n, 2 d)
        Cells as they are where they are known, then as they are asked for: repeated values are
        spread, so that they have a density; but whoever knows one knows the value. Holes are NaN;
        those that were filled only where they would be asked for.
    known : tensor of shape (n, d), bool
    """
    points, spread = cells.chunk(2, dim=1)
    return torch.where(known, points, spread)


def draw_known(n, d):
    """Draw for n rows which of d cells are known: from none to all but one, equally often.

    Sixteen rows in a row are alike, since the start costs most for each set of known cells.
    """
    n_sets = -(-n // ROWS_A_SET)
    rank = torch.rand(n_sets, d, generator=generator()).argsort(1).argsort(1)
    known = rank < torch.randint(0, d, (n_sets, 1), generator=generator())
    return known.repeat_interleave(ROWS_A_SET, 0)[:n]


@torch.no_grad()
def likeliest_start(net, starts, batch):
    """Of starts, that from which an untrained net finds the cells of a batch of rows likeliest.

    By the mean of what each row gains over the first, in nats a cell, but at most
    ``MOST_GAINED``: a few rows far out, which nets learn to expect, must not decide.
    """
    if len(starts) == 1:
        return starts[0]
    losses = []
    for start in starts:
        net.start = start
        losses.append(AnyConditional(0.0)(net, batch))
    gains = (losses[0] - torch.stack(losses)).clamp(-MOST_GAINED, MOST_GAINED)
    weight = torch.ones(len(batch.x)) if batch.weight is None else batch.weight
    return starts[int((gains @ weight).argmax())]


def fit_nets(make, cells, weight, holder, config, batch_size, *, seed, n_jobs=None):
    """Fit nets that each hold a fold of the rows out, by which they stop.

    Parameters
    ----------
    make : callable
        Makes the net of the rows (m,) it is to start from, and a list of starts for it.
    cells : tensor of shape (n, 2 d)
        Scores and codes as :func:`rows_given` takes them.
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
    nets, histories : tuple
    """
    n_members = int(holder.max()) + 1
    rows = _Rows(make, cells, weight, holder, batch_size, seed)

    def fit(members, noises, own, share):
        """Fit some members; each gets its part of a share of the time."""
        part = share * n_threads_for(len(members), n_jobs) / len(members)
        tasks = list(zip(members, noises, strict=True))
        return side_by_side(lambda task: rows.fit(*task, own, part), tasks, n_jobs)

    short = replace(config, max_epochs=min(PILOT_STEPS, config.max_epochs))
    with named_training("pilot"):
        pilots = fit([0] * len(NOISES), NOISES, short, PILOT_SHARE)
    best = int(np.argmin([history.validation_loss[0] for _, history in pilots]))
    tell(f"training {n_members} nets, with noise of {NOISES[best]:g} of the best of the pilots")
    return zip(*fit(range(n_members), [NOISES[best]] * n_members, config, SHARE), strict=True)


@dataclass(frozen=True)
class _Rows:
    """Rows to fit nets to, as :func:`fit_nets` takes them."""

    make: Callable
    cells: torch.Tensor
    weight: torch.Tensor | None
    holder: np.ndarray
    batch_size: int
    seed: int
    stop: Event = field(default_factory=Event)  # set by a Ctrl-C: members to come are not trained

    def fit(self, member, noise, config, share):
        """Train a member in a share of the time that is left; return its net and its history."""
        held = torch.from_numpy(np.flatnonzero(self.holder == member))
        rest = torch.from_numpy(np.flatnonzero(self.holder != member))
        seed = int(np.random.SeedSequence([self.seed, member]).generate_state(1)[0])
        with threads(1), seeded(seed), time_limit(share * seconds_left()):
            net, starts = self.make(rest.numpy())
            batches = self._batches(rest, config.max_epochs)
            own = _in_epochs(config, len(batches))
            left_out = self.stop.is_set()
            own = replace(own, max_epochs=0) if left_out else own
            validation = self._validation(held)
            net.start = likeliest_start(net, starts, validation)
            history = train(net, AnyConditional(noise), batches, own, validation=validation)
            if history.stopped_by == "interrupt":
                self.stop.set()
            return net, replace(history, stopped_by="interrupt") if left_out else history

    def _batches(self, rows, max_steps):
        """Batches of an epoch that is some fifty steps long, however few rows there are."""
        size = min(self.batch_size, len(rows))
        repeats = max(1, round(min(STEPS_AN_EPOCH, max_steps) * size / len(rows)))
        return Batches(Rows(Batch(self.cells, None, self.weight), rows.repeat(repeats)), size)

    def _validation(self, held):
        """Rows that are held out, several times if they are few, with cells that are known."""
        repeats = int(np.clip(VALIDATION_ROWS // max(1, len(held)), 1, MOST_REPEATS))
        rows = held[:MOST_HELD_OUT].repeat(repeats)
        cells = self.cells[rows]
        seen = ~torch.isnan(cells.chunk(2, dim=1)[0])
        known = draw_known(*seen.shape) & seen
        weight = None if self.weight is None else self.weight[rows]
        return Batch(cells, known.to(cells.dtype), weight)


def _in_epochs(config, n_steps):
    """Return settings in epochs of ``n_steps`` of those that were in steps."""
    return replace(
        config,
        max_epochs=max(1, round(config.max_epochs / n_steps)),
        n_iter_no_change=max(1, round(config.n_iter_no_change / n_steps)),
    )


def default_config(n_rows, max_steps="auto", verbose=0):
    """Return the settings of a fit to so many rows, whose epochs are counted in steps."""
    steps = max_steps
    if max_steps == "auto":
        steps = int(np.clip(2_000 * (n_rows / 1_000) ** 0.375, 2_000, 8_000))
    return TrainingConfig(
        max_epochs=steps,
        learning_rate=2e-3,
        weight_decay=1e-4,
        n_iter_no_change=max(1, steps // PATIENCE),
        tol=1e-4,
        gradient_clip=1.0,
        warmup_steps=50,
        averaged_steps=100,
        verbose=verbose,
    )
