"""Log densities of a few rows at a time, over and over, as a service asks for them.

On a few rows torch's kernels take less time than the Python between them. Where such calls come
one after another they are recorded: the same kernels in the same order, and so the same bits,
in about half the time. What depends on parameters alone is worked out once.
"""

import sys
import threading
import warnings
import weakref

import torch
from torch import nn

from skflow._graph import decided
from skflow.fitting._program import iterative_parts
from skflow.flow import Ensemble, Flow

__all__ = ["log_prob_of_few"]

AGAIN = 50  # calls; to record one takes as long as some hundred of them
MOST = 4  # calls that are recorded, whose rows go different ways
CHECKED = 3  # runs of what was recorded; torch rearranges it after the first

_RECORDS: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()  # files and copies have none


def log_prob_of_few(flow, *tensors):
    """Log density (n,) of rows (n, d), given rows (n, c) of a context if there is one.

    Parameters
    ----------
    flow : Flow, Ensemble or another module with ``log_prob``
        In eval mode, on the CPU, as the tensors. Gradients are off.
    """
    calls = _RECORDS.get(flow)
    if calls is None:
        calls = _RECORDS.setdefault(flow, _Calls())
    values = calls.replay(tensors)
    return calls.made(flow, tensors) if values is None else values


class _Calls:
    """Recorded calls of a flow, and how many there were that these do not stand for.

    All are of tensors of the same shapes, and of the flow as it was at the last of them.
    """

    def __init__(self):
        self.recorded, self.others = [], 0
        self.can_record = True  # until it is tried
        self.lock = threading.Lock()

    def replay(self, tensors):
        """Log density by a recorded call, None if there is none like it."""
        recorded = self.recorded
        if not recorded or recorded[0].shapes != _shapes(tensors) or recorded[0].is_stale():
            return None
        for call in recorded:
            if call.ways(*tensors).tolist() == call.way:
                if call is not recorded[0]:  # it will be asked first, as the likeliest
                    self.recorded = [call, *(other for other in recorded if other is not call)]
                return call.log_prob(*tensors)
        return None

    def made(self, flow, tensors):
        """Log density by the flow itself; the call is recorded if there were many."""
        self.others += 1
        values = flow.log_prob(*tensors)
        if self.can_record and self.others > AGAIN and self.lock.acquire(blocking=False):
            try:
                self._record(flow, tensors, values)
            finally:
                self.lock.release()
        return values

    def _record(self, flow, tensors, values):
        self.others, alike = 0, [call for call in self.recorded if not call.is_stale()]
        alike = [call for call in alike if call.shapes == _shapes(tensors)]
        if len(alike) == MOST:
            return
        if not _is_fit(flow):
            self.can_record = False
            return
        try:
            call = _Call(flow, tensors)
            played = [call.log_prob(*tensors) for _ in range(CHECKED)]
            self.can_record = all(torch.equal(each, values) for each in played)
        except Exception:  # of a base of the user's, say, that asks for numbers: it has its score
            self.can_record = False
        if self.can_record:
            self.recorded = [*alike, call]


def _is_fit(flow):
    """Whether calls of a flow are the same work each time, and torch vouches for a record."""
    draws_noise = not isinstance(flow, Flow | Ensemble)
    return not draws_noise and not iterative_parts(flow) and sys.version_info < (3, 14)


class _Call:
    """A call of a flow as two programs: what decides on its way, and log densities.

    It stands for calls of which the tensors have the same shapes and the rows go the same way,
    as long as the flow's own tensors are as they were.
    """

    def __init__(self, flow, tensors):
        self.own = [*flow.parameters(), *flow.buffers()]
        self.counted = [tensor for tensor in self.own if not tensor.is_inference()]
        self.state, self.shapes = self._state(), _shapes(tensors)
        self.log_prob = _program(_log_prob, flow, tensors)
        self.ways = _program(_ways, flow, tensors)
        self.way = self.ways(*tensors).tolist()

    def is_stale(self):
        """Whether the flow's tensors are no longer what they were."""
        return self._state() != self.state

    def _state(self):
        """Tell what changes when a tensor of the flow does, be it in place or not."""
        places = [tensor.data_ptr() for tensor in self.own]
        return places, [tensor._version for tensor in self.counted]


class _Module(nn.Module):
    """A function of a flow and of tensors as a function of tensors."""

    def __init__(self, function, flow):
        super().__init__()
        self.function, self.flow = function, flow

    def forward(self, *tensors):
        return self.function(self.flow, *tensors)


def _log_prob(flow, *tensors):
    return flow.log_prob(*tensors)


def _ways(flow, *tensors):
    """Find what decides which work is done on rows, (k,)."""
    with decided() as found:
        flow.log_prob(*tensors)
    return torch.stack(found) if found else torch.zeros(0, dtype=torch.bool)


def _program(function, flow, tensors):
    """Return a function of tensors without its Python, and without work that nothing needs."""
    with warnings.catch_warnings():
        # of what is decided by numbers, which is watched
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        # nothing else of torch does without Python and without a compiler
        warnings.filterwarnings("ignore", "`torch.jit", DeprecationWarning)
        module = _Module(function, flow).eval()
        return torch.jit.freeze(torch.jit.trace(module, tensors, check_trace=False))


def _shapes(tensors):
    return [(tensor.shape, tensor.dtype) for tensor in tensors]
