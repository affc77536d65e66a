"""Random numbers from generators of each call: no random state of torch or numpy is touched.

A block of :func:`seeded` has generators of its own, one for each kind of device, and all that is
drawn within, however deep, comes from them: ``torch.randn(..., generator=generator(device))``.
So calls side by side, in threads or processes, draw what they draw alone. Outside of such a block
draws come from torch's own generators, as those who use the flows without estimators expect.
"""

from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
from sklearn.utils import check_random_state

__all__ = ["draw_seed", "drawing_from", "generator", "random_state", "seeded"]

_GENERATORS = ContextVar("generators", default=None)  # by kind of device; None is torch's own


def draw_seed(random_state):
    """One integer seed from whatever scikit-learn accepts as ``random_state``."""
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


@contextmanager
def seeded(seed, device="cpu"):
    """Draw in a block from new generators with this seed, on the CPU and on the device."""
    import torch

    places = {torch.device(place).type: place for place in ("cpu", device)}
    token = _GENERATORS.set(
        {kind: torch.Generator(place).manual_seed(seed) for kind, place in places.items()}
    )
    try:
        yield
    finally:
        _GENERATORS.reset(token)


def generator(device="cpu"):
    """Return the generator to draw from on a device; None outside of :func:`seeded`."""
    import torch

    generators = _GENERATORS.get()
    if generators is None:
        return None
    kind = torch.device(device).type
    if kind not in generators:
        raise RuntimeError(
            f"numbers are drawn on {device}, but the block has generators for "
            f"{sorted(generators)} only; begin it with seeded(seed, device={kind!r})"
        )
    return generators[kind]


def random_state(device):
    """Take down where draws on the CPU and on a device stand, for :func:`drawing_from`."""
    generators = _GENERATORS.get()
    return _RandomState(generators, _in_use(generators, device))


@contextmanager
def drawing_from(state):
    """Draw in a block, in whatever thread, from a former state; afterwards go on as before it."""
    now = _RandomState(state.generators, state.in_use)
    token = _GENERATORS.set(state.generators)
    try:
        state.put_back()
        yield
    finally:
        now.put_back()
        _GENERATORS.reset(token)


class _RandomState:
    """Generators of a block, those that a device's draws come from, and where these stand."""

    def __init__(self, generators, in_use):
        self.generators, self.in_use = generators, in_use
        self.states = [each.get_state() for each in in_use]

    @property
    def moved(self):
        """Whether numbers have been drawn since."""
        pairs = zip(self.in_use, self.states, strict=True)
        return any(bool((each.get_state() != state).any()) for each, state in pairs)

    def put_back(self):
        for each, state in zip(self.in_use, self.states, strict=True):
            each.set_state(state)


def _in_use(generators, device):
    import torch

    if generators is not None:
        return [generators[kind] for kind in dict.fromkeys(("cpu", device.type))]
    own = [torch.default_generator]
    if device.type == "cuda":
        own.append(torch.cuda.default_generators[device.index])
    return own
