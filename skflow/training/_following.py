"""Who follows a training run from epoch to epoch: its bar, and callbacks of the fit."""

import copy
import sys
from dataclasses import replace

from skflow._watch import current_watch

__all__ = ["Following"]

FORMAT = "{desc}: {percentage:3.0f}%|{bar:8}| {elapsed}<{remaining}{postfix}"


class Following:
    """A block in which a run is followed.

    Parameters
    ----------
    run : _Run
    """

    def __init__(self, run):
        self.run, self.watch = run, current_watch()
        self.steps = len(run.batches)  # of an epoch
        self.task = None

    def __enter__(self):
        config, label = self.run.config, "training"
        if self.watch is not None:
            label = self.watch.label
            if self.watch.callbacks is not None:
                self.task = self.watch.callbacks.training(self.watch, config.max_epochs)
        self.bar = None if config.verbose < 1 else self._drawn(label, config.max_epochs)
        return self

    def __exit__(self, *error):
        if self.bar is not None:
            self.bar.close()
        if self.task is not None and error[0] is None:
            self.task.end()

    def begins(self):
        """Hear that an epoch begins."""
        if self.task is not None:
            self.task.begin_epoch()

    def stepped(self):
        """Hear that a step was made."""
        if self.bar is not None:
            self.bar.update()

    def ended(self):
        """Hear that an epoch is over and on record; return whether to stop."""
        if self.bar is not None:
            self.bar.set_postfix_str(_standing(self.run), refresh=False)
            # steps that are made elsewhere are heard of here
            self.bar.update(self.run.epoch * self.steps - self.bar.n)
        if self.task is None:
            return False
        return self.task.end_epoch(self.run.history.records[-1], self._snapshot)

    def _drawn(self, label, max_epochs):
        # Only where it is seen: every bar takes a lock that processes share, and a forked one that
        # was killed within never gives it back.
        from tqdm import tqdm

        return tqdm(
            total=max_epochs * self.steps,
            initial=self.run.epoch * self.steps,
            desc=label,
            bar_format=FORMAT,
            # notebooks show what is written to stderr on red
            file=sys.stdout if "ipykernel" in sys.modules else sys.stderr,
        )

    def _snapshot(self):
        """Return the flow and the history as they would be if training stopped now."""
        run = self.run
        flow = copy.deepcopy(run.flow)
        run.parameters.spread(run.best.weights, flow)
        history = run.history
        losses = run.best.loss.tolist()
        return flow.eval(), replace(history, records=list(history.records), validation_loss=losses)


def _standing(run):
    """Say in a few words how a run stands: its loss, the best one, and how long that was ago."""
    best, record = run.best, run.history.records[-1]
    held_out = record["validation_loss"] is not None
    loss = record["validation_loss" if held_out else "train_loss"]
    waited = int(best.waited.min())
    words = f"epoch {run.epoch}, {'held-out' if held_out else 'training'} loss {loss:.4g}, "
    words += f"best {float(best.loss.mean()):.4g} in {run.epoch - waited}"
    if best.patience is not None:
        words += f", patience {best.patience - waited}"
    return words
