"""The one place where torch's global random state is touched, and put back."""

from contextlib import contextmanager

import numpy as np
from sklearn.utils import check_random_state

__all__ = ["draw_seed", "seeded"]


def draw_seed(random_state):
    """One integer seed from whatever scikit-learn accepts as ``random_state``."""
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


@contextmanager
def seeded(seed, device="cpu"):
    """Run a block under ``torch.manual_seed(seed)`` and restore the caller's random state.

    torch keeps one random state per process, so concurrent *threads* that fit at once are not
    reproducible; processes are.
    """
    import torch

    device = torch.device(device)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
