"""A fitted flow as a program of torch's own operations, which needs nothing of this package."""

import copy
import io
from itertools import chain

import torch
from torch import nn

from skflow.bijections import Bijection
from skflow.exceptions import NotExportableError

__all__ = ["iterative_parts", "program"]

N_RECORDED = 3  # rows to record with, any number but 0 and 1, which torch takes for constants


def program(flow, observation):
    """Record how rows of X are scored and mapped to latents.

    Parameters
    ----------
    flow : Flow, Ensemble or Dequantized
        In eval mode, on the CPU.
    observation : Observation

    Returns
    -------
    content : bytes
        Of a file that ``torch.export.load`` reads.
    """
    _refuse_iterations(flow)
    rows = torch.zeros(N_RECORDED, len(observation.bounds[0]), dtype=torch.float64)
    shapes = ({0: torch.export.Dim("n_samples")},)
    with torch.no_grad():
        module = _in_order(_Rows(copy.deepcopy(flow), observation)).eval()
        recorded = torch.export.export(module, (rows,), dynamic_shapes=shapes)
    for node in recorded.graph.nodes:  # where in the source each was, with paths of this machine
        node.meta.pop("stack_trace", None)
    file = io.BytesIO()
    torch.export.save(recorded, file)
    return file.getvalue()


def _in_order(module):
    """Lay the module's tensors out row by row: torch warns of others in files."""
    for tensor in chain(module.parameters(), module.buffers()):
        tensor.data = tensor.data.contiguous()
    return module


def iterative_parts(flow):
    """Names of the parts of a flow that take as many steps as a row needs."""
    parts = (part for part in flow.modules() if isinstance(part, Bijection))
    return [type(part).__name__ for part in parts if part.tolerance is not None]


def _refuse_iterations(flow):
    names = iterative_parts(flow)
    if names:
        raise NotExportableError(
            f"a program has the same steps for all rows, and {names[-1]} takes as many as a row "
            "needs. Fit a flow without it, such as NSFDensity, or export the student that "
            "skflow.distill fits to this one."
        )


class _Rows(nn.Module):
    """Rows X to log densities and latents: what an Observation does to rows, then the flow.

    Outside the bounds the one is -inf and the others are NaN.
    """

    def __init__(self, flow, observation):
        super().__init__()
        self.flow = flow
        for name, value in zip(
            ("low", "high", "low_at", "high_at"), observation.bounds, strict=True
        ):
            self.register_buffer(name, torch.from_numpy(value))
        self.circles = observation.circles
        if self.circles is not None:
            for name in ("columns", "periods", "cuts"):
                self.register_buffer(name, torch.from_numpy(getattr(self.circles, name)))

    def forward(self, rows):
        rows = self._turned(rows)
        outside = ((rows < self.low) | (rows > self.high)).any(-1)
        x = torch.where(rows == self.low, self.low_at, rows)
        x = torch.where(rows == self.high, self.high_at, x)
        log_density, z = self.flow.log_prob_and_noise(x)
        log_density = torch.where(outside, -torch.inf, log_density.double())
        return log_density, torch.where(outside.unsqueeze(-1), torch.nan, z.double())

    def _turned(self, rows):
        """Rows with periodic columns in one period from their cuts."""
        if self.circles is None:
            return rows
        x = rows[..., self.columns]
        x = x - self.periods * torch.floor((x - self.cuts) / self.periods)
        inside = (self.cuts <= x) & (x < self.cuts + self.periods)
        return rows.index_copy(-1, self.columns, torch.where(inside, x, self.cuts))
