"""Steps of training that never ask the host, so that they can be CUDA graphs."""

import time
from collections import deque

import torch

from skflow.training._graph import Captured

__all__ = ["DeviceSteps", "steps_elsewhere"]

AHEAD = 2  # steps that may wait in the device's queue while the host goes on


def steps_elsewhere(run):
    """Return what makes the steps of a run in place of its plain loop; None if nothing does.

    That are batches with ``steps_of(run)``, whose rows are trained on in other processes, or a
    device that need not ask the host.
    """
    if hasattr(run.batches, "steps_of"):
        return run.batches.steps_of(run)
    return DeviceSteps(run) if DeviceSteps.suit(run) else None


class DeviceSteps:
    """Steps of a run that stay on its device, with all that the plain ones decide on the host.

    Where small kernels are launched one by one, a GPU waits for the host most of the time. Here
    a step is one function without a question to the host, from the places of a batch's rows to
    the averaged weights, so that it can be a CUDA graph: a member whose gradient is not finite
    is masked, counts are kept on the device, and members are rolled back where these say so.
    The host reads them at the end of an epoch, and only then gives up a hopeless training. It
    is never more than a few steps ahead of the device, so that clocks are right about them.

    Parameters
    ----------
    run : _Run
    """

    def __init__(self, run):
        flat, rows = run.parameters.flat, run.parameters.n_rows
        self.run = run
        self.numbers = flat.new_zeros(4)  # what changes from step to step
        self.total = torch.zeros_like(run.best.loss)
        self.finite = torch.zeros(rows, dtype=torch.long, device=flat.device)  # steps of members
        self.skipped = torch.zeros_like(self.finite)
        self.step = Captured(self._step, run.flow, flat.device)
        self.held_out_loss = Captured(run.held_out_loss, run.flow, flat.device)
        self.pending = deque()

    @staticmethod
    def suit(run):
        """Whether a run is on a GPU, and all steps of it are of a kind."""
        on_gpu = run.parameters.flat.is_cuda and hasattr(
            torch.cuda.CUDAGraph, "register_generator_state"
        )
        repeatable = getattr(run.objective, "repeatable", False) and hasattr(run.batches, "take")
        return on_gpu and repeatable and run.config.cuda_graphs

    def epoch(self):
        """Return the mean loss (K,) of the steps of an epoch."""
        run, count = self.run, 0
        self.total.zero_()
        try:
            for places, numbers in zip(run.batches.places(), self._schedule(), strict=True):
                start = time.perf_counter()
                self.numbers.copy_(numbers)
                self.step(places)
                self._wait()
                run.step += 1
                run.step_seconds = time.perf_counter() - start
                count += 1
                if run.is_late():
                    break
        finally:
            self._note()
        return self.total / count

    def state(self):
        """Copy what the device has counted."""
        return {name: getattr(self, name).to("cpu", copy=True) for name in ("finite", "skipped")}

    def resume(self, state):
        """Go on counting from where another one was."""
        self.finite.copy_(state["finite"])
        self.skipped.copy_(state["skipped"])

    def release(self):
        """Say how it went; let go of graphs and memory, now and not when cycles are collected."""
        parts = {"steps": self.step, "validation": self.held_out_loss}
        troubles = [
            f"{k} not recorded: {part.trouble}" for k, part in parts.items() if part.trouble
        ]
        replayed = "replayed" if any(self.step.graphs.values()) else ""
        self.run.history.cuda_graphs = "; ".join(troubles) or replayed
        for part in parts.values():
            part.release()
        self.run.device_steps = self.run = None

    def _schedule(self):
        """Numbers (n_batches, 4) for the steps of an epoch: one transfer, not one a step."""
        run = self.run
        steps = range(run.step, run.step + len(run.batches))
        numbers = [
            (run.rate(t), *run.optimizer.corrections(t + 1), run.average.share(t + 1))
            for t in steps
        ]
        return torch.tensor(numbers, dtype=torch.float64).to(self.numbers)

    def _step(self, places):
        run = self.run
        rate, correction, scale, share = self.numbers.unbind()
        loss, gradient = run.loss_and_gradient(run.batches.take(places))
        norm = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
        finite = torch.isfinite(norm)
        gradient.mul_((run.config.gradient_clip / norm).clamp_(max=1.0))
        run.optimizer.move(gradient, rate * run.scale, finite, correction, scale)
        finite = finite[:, 0]
        self.finite.add_(finite)
        self.skipped.add_(~finite)
        run.bad.copy_(torch.where(finite, 0, run.bad + 1))
        run.roll_back()
        run.average.note(share)
        self.total.add_(loss.reshape(-1))

    def _wait(self):
        """Let the device come near, so that a step's seconds are its own and none is too late."""
        if not self.total.is_cuda:
            return
        event = torch.cuda.Event()
        event.record(torch.cuda.current_stream(self.total.device))
        self.pending.append(event)
        if len(self.pending) > AHEAD:
            self.pending.popleft().synchronize()

    def _note(self):
        """Read what the device has counted."""
        run = self.run
        run.ever_finite = bool(self.finite.any())
        run.history.skipped_steps = int(self.skipped.sum())
        run.note_rollbacks()
