"""Functions of tensors, replayed as CUDA graphs."""

import threading
from contextlib import contextmanager, suppress

import torch

from skflow._random import generator, random_state

__all__ = ["Captured"]

_LOCK = threading.RLock()  # torch captures one graph at a time
_STREAMS: dict = {}  # the one of each device that records: every stream has a workspace of its own


class Captured:
    """A function of tensors that is called again and again, as a CUDA graph for each shape.

    The first call with a shape runs the function as it is, which also loads what it needs. The
    second one records it, which runs nothing, and replays that, as all that follow do. What the
    function does on the host is done in no replay: where it asks about the device's numbers or
    draws random ones there, nothing is recorded, and all calls run it as it is.

    Parameters
    ----------
    function : callable
        Of tensors; returns a tensor or None.
    module : nn.Module
        What it runs.
    device : torch.device
        Elsewhere than on a GPU nothing is recorded.

    Attributes
    ----------
    graphs : dict
        Recorded graphs with their tensors by the shapes of these; None after the first call.
    trouble : str
        Why nothing more is recorded; "" if there was no trouble.
    """

    def __init__(self, function, module, device):
        self.function, self.module, self.device = function, module, device
        self.runs_plainly = device.type != "cuda"
        self.graphs, self.trouble = {}, ""
        if not self.runs_plainly:
            self.stream = _STREAMS.setdefault(device, torch.cuda.Stream(device))
            self.pool = torch.cuda.graph_pool_handle()

    def __call__(self, *tensors):
        """Call the function, or have the device do what it did at the first call."""
        shapes = tuple(t.shape for t in tensors)
        if not self.runs_plainly and shapes not in self.graphs:
            self.graphs[shapes] = None
            return self._run_first(tensors)
        if not self.runs_plainly and self.graphs[shapes] is None:
            self._capture(shapes, tensors)
        if self.runs_plainly:
            return self.function(*tensors)
        graph, inputs, output = self.graphs[shapes]
        for own, given in zip(inputs, tensors, strict=True):
            own.copy_(given)
        with _LOCK:  # a generator that is being recorded cannot be drawn from
            graph.replay()
        return None if output is None else output.clone()

    def release(self):
        """Let go of the graphs, when the device is done with them, and of the function."""
        if self.graphs:
            torch.cuda.current_stream(self.device).synchronize()
        self.graphs.clear()
        self.function = self.module = None

    def _run_first(self, tensors):
        """Run it on the stream that will record it, where its libraries get their workspaces."""
        buffers, host = dict(self.module.named_buffers()), random_state(torch.device("cpu"))
        with self._beside():
            output = self.function(*tensors)
        # what a replay would not do again, and a recording would not fail at
        if any(buffers[name] is not buffer for name, buffer in self.module.named_buffers()):
            self._settle("every call replaces a buffer of the flow")
        if host.moved:
            self._settle("every call draws random numbers on the host")
        return output

    def _capture(self, shapes, tensors):
        inputs = [t.clone() for t in tensors]
        graph = self._new_graph()
        options = {"pool": self.pool, "stream": self.stream, "capture_error_mode": "thread_local"}
        with _LOCK:
            try:
                with self._beside(), torch.cuda.graph(graph, **options):
                    output = self.function(*inputs)
            except RuntimeError as error:
                self._tidy_up(graph)
                self._settle(str(error.__context__ or error).partition("\n")[0])
            else:
                self.graphs[shapes] = graph, inputs, output

    def _new_graph(self):
        graph, own = torch.cuda.CUDAGraph(), generator(self.device)
        if own is not None:  # torch's own is there anyhow
            graph.register_generator_state(own)
        return graph

    def _tidy_up(self, failed):
        """Put right what torch leaves as if the recording that failed still went on."""
        if not _has_ended(failed):
            with suppress(RuntimeError):
                torch._C._cuda_endAllocateToPool(self.device.index, self.pool)
                torch._C._cuda_releasePool(self.device.index, self.pool)
        # generators, which other graphs draw from too, are themselves again after a recording
        # that ends in order
        number, graph = torch.zeros(1, device=self.device), self._new_graph()
        options = {"stream": self.stream, "capture_error_mode": "thread_local"}
        with self._beside(), torch.cuda.graph(graph, **options):
            number.zero_()

    def _settle(self, reason):
        """Run the function as it is from now on."""
        self.runs_plainly, self.trouble = True, reason

    @contextmanager
    def _beside(self):
        """Work in a block alone on the stream that records, between what came and what comes."""
        now = torch.cuda.current_stream(self.device)
        with _LOCK, torch.cuda.device(self.device):
            self.stream.wait_stream(now)
            with torch.cuda.stream(self.stream):
                yield
            now.wait_stream(self.stream)


def _has_ended(graph):
    """Whether its recording has ended in order, whatever was raised within."""
    try:
        graph.pool()
    except RuntimeError:
        return False
    return True
