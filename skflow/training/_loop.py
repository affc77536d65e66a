"""The one training loop."""

import math
import time

import torch

from skflow._clock import seconds_left, time_is_up, time_limit
from skflow._notices import warn
from skflow.exceptions import ConvergenceWarning
from skflow.training._averaging import AveragedWeights
from skflow.training._config import History
from skflow.training._device_steps import steps_elsewhere
from skflow.training._ending import mean_loss, report
from skflow.training._following import Following
from skflow.training._optimizer import FlatAdamW, FlatParameters
from skflow.training._rows import Batch, Rows
from skflow.training._state import resume, state_of
from skflow.training._stopping import BestWeights

__all__ = ["train"]

BLOCK = 4096  # validation rows at a time, fewer
BLOCK_ENTRIES = 2**16  # if those of all members have more numbers than this
# rows that go through together at least: what is done once for all is done once for each part
PART = 256
ON_GPU = 4  # times as many of all of these: a GPU has no cache to stay in, and fills with more
BAD_STEPS = 10  # non-finite steps in a row before a member goes back to its best weights
GOES_ON = History().stopped_by  # what is said of a run that nothing has stopped
ROLLBACKS = 5  # rollbacks of one member before its rate is taken as hopeless
SLOWER, TIMES = 0.25, 2  # share of the rate, and returns, to a start that nothing was better than


def train(flow, objective, batches, config, *, validation=None, n_members=None, keeper=None):
    """Minimise an objective over a flow, or over all members of a stacked flow at once.

    Of the weights, averaged over some steps, those with the lowest validation loss are kept, and
    are what the flow holds afterwards, however training ended. A step with a non-finite gradient
    is skipped for the member concerned; after ten in a row the member returns to its best weights
    and halves its rate. Where no step is finite at any rate the start is kept, with a warning.
    A patience that saw nothing better than the start returns there at a quarter, twice at most.

    Where ``config.max_seconds`` or a caller limits the time, training ends early enough for a
    last validation, if need be before the first step.

    Parameters
    ----------
    flow : Flow
    objective : callable
        ``(flow, batch) -> losses (*members, n)``.
    batches : sized iterable of Batch
        Each iteration is one epoch.
    config : TrainingConfig
    validation : Batch or Rows, optional
        Without it, the training loss of an epoch decides which weights are best.
    n_members : int, optional
        Length of the member axis of a stacked flow.
    keeper : optional
        Keeps states of the run, of which it goes on from the last: ``last()`` gives that or None,
        ``note(state, whole)`` takes the one at an epoch's end, which is not whole if it was cut
        short, and ``end()`` hears that no more will come. ``batches`` then need ``state()``, what
        they carry from epoch to epoch, and ``resume(state)``.

    Returns
    -------
    History

    Raises
    ------
    TrainingDivergedError
        If no step was ever finite, and the start has no finite loss either.
    """
    with time_limit(config.max_seconds):
        return _Run(flow, objective, batches, config, validation, n_members, keeper).run()


class _Run:
    """State of one call of :func:`train`."""

    def __init__(self, flow, objective, batches, config, validation, n_members, keeper=None):
        self.flow, self.objective, self.batches = flow, objective, batches
        self.config, self.keeper = config, keeper
        self.validation = Rows(validation) if isinstance(validation, Batch) else validation
        self.parameters = FlatParameters(flow, n_members)
        self.optimizer = FlatAdamW(self.parameters, config.weight_decay)
        averages = validation is not None or config.schedule == "constant"
        self.average = AveragedWeights(
            self.parameters.flat, config.averaged_steps if averages else 1
        )
        keeping = config.n_iter_no_change, config.tol, config.chosen_by_others
        self.best = BestWeights(self.parameters.flat, *keeping)
        rows, device = self.parameters.n_rows, self.parameters.flat.device
        self.scale = torch.ones(rows, 1, device=device)  # of the rate; halved by every rollback
        self.bad, self.rolled = torch.zeros(2, rows, dtype=torch.long, device=device)
        self.history = History()
        self.ever_finite = False
        self.step = self.epoch = self.slowed = 0  # how many were made; returns to the start
        self.steps = config.max_epochs * len(batches)
        self.step_seconds = 0.0
        self.start = time.perf_counter()
        self.roominess = ON_GPU if self.parameters.flat.is_cuda else 1
        self.device_steps = steps_elsewhere(self)
        self.following = None  # while it runs here, and not in steps for others

    def run(self):
        try:
            last = self.keeper and self.keeper.last()
            if last is not None:
                resume(self, last)
            with Following(self) as self.following:
                self._epochs()
        except KeyboardInterrupt:
            self.history.stopped_by = "interrupt"
            warn(
                "Training was interrupted; the best weights so far are kept.",
                ConvergenceWarning,
            )
        finally:
            self.following = None  # it knows the run, which would outlive its end
            if self.device_steps is not None:
                self.device_steps.release()
            self.best.restore()
            self.parameters.release()
            self.flow.eval()
            if self.keeper is not None:
                self.keeper.end()
        report(self)
        return self.history

    def _epochs(self):
        # the start counts as a result: on a hopeless validation set it is kept
        if self.validation is not None and self.epoch == 0:
            self.best.update(self._validate())
        while self.may_go_on(self.epoch):
            # a step is made in any case where nothing else would give a loss to report
            if self.is_late() and (self.epoch or self.validation is not None):
                break
            self.following.begins()
            train_loss = self.one_epoch()
            with self.average.in_place():
                loss = train_loss if self.validation is None else self._validate()
                self.best.update(loss.nan_to_num(nan=torch.inf))
            self.epoch += 1
            self._record(train_loss, loss)
            whole = self.history.stopped_by not in ("max_seconds", "diverged")
            asked_to_stop = self.following.ended()
            if whole and self.best.exhausted and not self._begins_slower():
                self.history.stopped_by = "n_iter_no_change"
            elif whole and asked_to_stop:
                self.history.stopped_by = "callback"
            if self.keeper is not None:
                self.keeper.note(state_of(self), whole)

    def _begins_slower(self):
        """Send members that were never better than their start back to it, if it helps."""
        stuck = ~self.best.improved
        if self.validation is None or self.slowed == TIMES or not bool(stuck.any()):
            return False
        self.slowed += 1
        self._return_to_best(stuck, SLOWER)
        self.best.waited.zero_()
        return True

    def may_go_on(self, n_made):
        """Whether more epochs than so many are to be made, as far as nothing has stopped them."""
        return n_made < self.config.max_epochs and self.history.stopped_by == GOES_ON

    def one_epoch(self):
        """Make the steps of an epoch; return their mean loss, (K,)."""
        self.flow.train()
        if self.device_steps is not None:
            return self.device_steps.epoch()
        total, count = torch.zeros_like(self.best.loss), 0
        for batch in self.batches:
            start = time.perf_counter()
            loss, gradient = self.loss_and_gradient(batch)
            self._take_step(gradient)
            self.average.update()
            self.step_seconds = time.perf_counter() - start
            total += loss.reshape(-1)
            count += 1
            if self.following is not None:
                self.following.stepped()
            if self.history.stopped_by == "diverged" or self.is_late():
                break
        return total / count

    def loss_and_gradient(self, batch):
        """Loss of each member, (*members,), and the gradient (K, P) of their sum."""
        loss, gradient = 0.0, None
        for part, share in self._parts(batch):
            with torch.enable_grad():
                own = share * mean_loss(self.objective(self.flow, part), part.weight)
                own_gradient = self.parameters.gradient(own.sum())
            gradient = own_gradient if gradient is None else gradient.add_(own_gradient)
            loss = loss + own.detach()
        return loss, gradient

    def _parts(self, batch):
        """Parts of a batch whose activations are held together, and the share of each."""
        n, entries = batch.x.shape[-2], batch.x.numel()
        n_parts = min(-(-entries // (BLOCK_ENTRIES * self.roominess)), n // PART)
        n_parts = max(n_parts, -(-n // getattr(self.objective, "rows_together", n)))
        by_rows = getattr(self.objective, "by_rows", False)
        return batch.parts(n_parts) if by_rows and n_parts > 1 else [(batch, 1.0)]

    def is_late(self):
        """Whether no time is left but for a validation, and for what comes after training."""
        n_validations = 1 + self.config.validations_after
        needed = n_validations * self.history.validation_seconds
        late = seconds_left() <= needed + self.step_seconds / 2  # half a step early, half one late
        if late:
            self.history.stopped_by = "max_seconds"
        return late

    def _take_step(self, gradient):
        norm = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
        rate = self.rate(self.step)
        finite = torch.isfinite(norm)
        gradient.mul_((self.config.gradient_clip / norm).clamp_(max=1.0))
        if bool(finite.all()):
            self.ever_finite = True
            self.bad.zero_()
            rate = rate * self.scale if self.history.rollbacks or self.slowed else rate
            self.optimizer.step(gradient, rate)
        else:
            self.ever_finite |= bool(finite.any())
            self.history.skipped_steps += int((~finite).sum())
            self.optimizer.step(gradient, rate * self.scale, keep=finite)
            self.bad = torch.where(finite[:, 0], 0, self.bad + 1)
            if bool((self.bad >= BAD_STEPS).any()):
                self.roll_back()
                self.note_rollbacks()
        self.step += 1

    def roll_back(self):
        """Bring members with too many bad steps in a row back; it asks the host for nothing."""
        members = self.bad >= BAD_STEPS
        self._return_to_best(members, 0.5)
        self.optimizer.forget(members)
        self.bad.masked_fill_(members, 0)
        self.rolled.add_(members)

    def _return_to_best(self, members, share):
        """Begin anew at the best weights of some members (K,), at a share of their rate."""
        self.best.restore(members)
        self.average.restart(members)
        self.scale.mul_(torch.where(members.unsqueeze(1), share, 1.0))

    def note_rollbacks(self):
        """Count them in the history, and give up where there is no hope."""
        self.history.rollbacks = int(self.rolled.sum())
        if bool((self.rolled > ROLLBACKS).all()) and not self.ever_finite:
            self.history.stopped_by = "diverged"

    def rate(self, step):
        """Learning rate of a step; steps count from 0."""
        rate = self.config.learning_rate * min(1.0, (step + 1) / self.config.warmup_steps)
        if self.config.schedule == "cosine":
            rate *= 0.5 * (1 + math.cos(math.pi * step / self.steps))
        return rate

    @torch.no_grad()
    def _validate(self):
        self.flow.eval()
        start = time.perf_counter()
        loss = (self.device_steps or self).held_out_loss()
        if loss.is_cuda:
            torch.cuda.current_stream(loss.device).synchronize()
        self.history.validation_seconds = time.perf_counter() - start
        return loss

    def held_out_loss(self):
        """Loss of each member, (K,), on the validation rows, block by block."""
        rows = self.validation
        size = self.roominess * min(BLOCK, max(1, BLOCK_ENTRIES // rows.n_entries_of_row))
        losses = []
        for start in range(0, rows.n_rows, size):
            losses.append(self.objective(self.flow, rows.take(slice(start, start + size))))
            # with no time for any step, the first rows stand for all
            if self.step == 0 and time_is_up():
                break
        losses = torch.cat(losses, dim=-1)
        weight = rows.weight
        weight = None if weight is None else weight[..., : losses.shape[-1]]
        return mean_loss(losses, weight).reshape(-1)

    def _record(self, train_loss, loss):
        held_out = self.validation is not None
        self.history.records.append(
            {
                "epoch": self.epoch,
                "learning_rate": self.rate(self.step) * float(self.scale.max()),
                "train_loss": float(train_loss.mean()),
                "validation_loss": float(loss.mean()) if held_out else None,
                "member_train_losses": train_loss.tolist(),
                "member_validation_losses": loss.tolist() if held_out else None,
                "seconds": time.perf_counter() - self.start,
            }
        )
