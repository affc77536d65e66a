"""The state of a run of training at an epoch's end, from which another run goes on to the bit."""

import time

from skflow._random import random_state

__all__ = ["resume", "state_of"]

PARTS = ("optimizer", "average", "best", "batches")  # with state() and resume(state) of their own
TENSORS = ("scale", "bad", "rolled")
NUMBERS = ("ever_finite", "step", "epoch", "slowed")


def state_of(run):
    """Copy all that the epochs to come depend on, as plain data and tensors on the CPU.

    Parameters
    ----------
    run : _Run

    Returns
    -------
    state : dict
    """
    history = vars(run.history)
    return {
        "weights": kept(run.parameters.flat),
        "buffers": {name: kept(buffer) for name, buffer in run.flow.named_buffers()},
        **{name: getattr(run, name).state() for name in PARTS},
        **{name: kept(getattr(run, name)) for name in TENSORS},
        **{name: getattr(run, name) for name in NUMBERS},
        "device_steps": None if run.device_steps is None else run.device_steps.state(),
        "history": history | {"records": list(history["records"])},
        "seconds": time.perf_counter() - run.start,
        "generators": [kept(each) for each in random_state(run.parameters.flat.device).states],
    }


def resume(run, state):
    """Put a run that has not begun where another one was, whose flow has the same shape.

    Parameters
    ----------
    run : _Run
    state : dict
        Of :func:`state_of`, which stays as it is; parts that are not in it begin anew.
    """
    flat = run.parameters.flat
    if state["weights"].shape != flat.shape:
        raise ValueError(
            f"the state is of {tuple(state['weights'].shape)} weights (members, weights of each), "
            f"and the flow has {tuple(flat.shape)}: go on with a flow of the same shape."
        )
    flat.copy_(state["weights"])
    for name in state.keys() & {*PARTS}:
        getattr(run, name).resume(state[name])
    for name in state.keys() & {*TENSORS}:
        getattr(run, name).copy_(state[name])
    for name in state.keys() & {*NUMBERS}:
        setattr(run, name, state[name])
    if "history" in state:
        _go_on(run, state)


def _go_on(run, state):
    """Put back what a run has beside its weights and what follows them."""
    for name, buffer in run.flow.named_buffers():
        buffer.copy_(state["buffers"][name])
    if run.device_steps is not None:
        run.device_steps.resume(state["device_steps"])
    vars(run.history).update(state["history"], records=list(state["history"]["records"]))
    run.start = time.perf_counter() - state["seconds"]
    draws = random_state(run.parameters.flat.device)
    draws.states = state["generators"]
    draws.put_back()


def kept(tensor):
    """Copy a tensor to the CPU, where nothing changes it."""
    return tensor.detach().to("cpu", copy=True)
