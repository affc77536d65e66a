"""The public check of a bijection: inverse, log-det, gradients, rows, members, serialisation."""

import copy
import pickle
from dataclasses import replace
from typing import Any

from skflow.exceptions import NotInvertibleError
from skflow.testing._case import Case, call, default_rows, perturbed, rows_of
from skflow.testing._gradients import check_gradients
from skflow.testing._report import fail

__all__ = ["check_bijection"]

_LOG_DET = 1e-10  # float64, against autodiff
_SAME_ARITHMETIC = 1e-10  # float64, the same sums in another order


def check_bijection(
    bijection: Any,
    x: Any = None,
    context: Any = None,
    *,
    perturbation: float = 0.3,
    random_state: int = 0,
) -> None:
    """Check that a bijection keeps its contract; raise AssertionError where it does not.

    A flow starts as the identity, where every log-det is zero and nothing is proven. So a copy
    is initialised on ``x``, its parameters are moved away from their start by seeded noise, and
    the copy is checked, in eval mode and float64: shapes; the declared ``invertible`` is true; the
    inverse inverts (1e-8, and 1e-4 in float32); both log-dets cancel; the log-det is that of
    autodiff's Jacobian (1e-10); rows do not influence each other; calls are repeatable and leave
    their input and the global random state alone, whatever the layout of the rows in memory;
    ``state_dict`` and pickle round-trip, also into a copy that has been called with other
    parameters; gradients reach every parameter, in both directions, and agree with finite
    differences; the context matters if one is passed; two copies stacked by
    :func:`skflow.members.stack_members` give what each gives alone. A bijection that declares a
    ``tolerance`` above the first four is held to that instead.

    Parameters
    ----------
    bijection : Bijection
        It is copied, never changed.
    x : tensor of shape (n, d), optional
        Rows inside the domain of the bijection, at least two. By default standard-normal rows,
        if the bijection or a part of it has an attribute ``n_features``.
    context : tensor of shape (n, c), optional
        Passing it declares that the bijection is conditional.
    perturbation : float, default=0.3
        Standard deviation of the noise on each parameter (divided by the square root of the
        fan-in for matrices).
    random_state : int, default=0

    Raises
    ------
    AssertionError
        Naming the property, the value measured and the tolerance.
    """
    import torch

    x = default_rows(bijection, random_state) if x is None else x
    x = x.detach().to(torch.float64)
    context = None if context is None else context.detach().to(torch.float64)
    start = copy.deepcopy(bijection).to(torch.float64).eval()
    with torch.no_grad():
        start.initialize(x.clone(), context)
    moved, other = (perturbed(start, perturbation, random_state + k) for k in range(2))
    case = Case(copy.deepcopy(bijection).to(torch.float64).eval(), moved, other, x, context)
    for check in _CHECKS:
        check(case)


def _check_shapes(case):
    for x, context in ((case.x, case.context), (case.x[:1], rows_of(case.context, slice(1)))):
        z, log_det = call(case.bijection.forward, x, context)
        if z.shape != x.shape or log_det.shape != x.shape[:-1]:
            got = f"{tuple(z.shape)} and {tuple(log_det.shape)}"
            want = f"{tuple(x.shape)} and {tuple(x.shape[:-1])}"
            fail(case.bijection, "shapes", f"forward returned {got} instead of {want}")
        if not (z.isfinite().all() and log_det.isfinite().all()):
            fail(case.bijection, "finite", "forward returned NaN or infinity")


def _check_declared_inverse(case):
    declared = case.bijection.invertible
    if declared not in ("exact", "iterative", "no"):
        fail(case.bijection, "declared inverse", f"invertible = {declared!r} means nothing")
    try:
        _ = case.inverse
    except NotInvertibleError:
        if declared != "no":
            fail(case.bijection, "declared inverse", f"{declared!r} is declared, there is none")
    else:
        if declared == "no":
            fail(case.bijection, "declared inverse", '"no" is declared, but inverse() answered')


def _check_round_trip(case):
    import torch

    if case.bijection.invertible == "no":
        return
    bijection = copy.deepcopy(case.bijection).to(torch.float32)
    context = None if case.context is None else case.context.to(torch.float32)
    short = replace(case, bijection=bijection, x=case.x.to(torch.float32), context=context)
    _require_round_trip(case, 1e-8, 1e-8)
    _require_round_trip(short, 1e-4, 1e-3)


def _require_round_trip(case, tolerance, log_det_tolerance):
    x, (z, log_det), (back, back_log_det) = case.x, case.forward, case.inverse
    if {t.dtype for t in (z, log_det, back, back_log_det)} != {x.dtype}:
        fail(case.bijection, "dtype", f"{x.dtype} went in and another dtype came out")
    prop = f"round trip in {x.dtype}"
    case.require(prop, back, x, case.allowed(tolerance), "inverse(forward(x)) is not x")
    prop = f"log-dets cancel in {x.dtype}"
    explanation = "log-det of the inverse is not minus that of forward"
    case.require(prop, -back_log_det, log_det, case.allowed(log_det_tolerance), explanation)


def _check_rows_independent(case):
    import torch

    explanation = "a row alone gives another result than among others"
    for name, rows in case.directions():
        function, together = getattr(case.bijection, name), getattr(case, name)
        each = [slice(i, i + 1) for i in range(len(rows))]
        alone = [call(function, rows[i], rows_of(case.context, i)) for i in each]
        for among, single in zip(together, map(torch.cat, zip(*alone, strict=True)), strict=True):
            prop = f"rows independent in {name}"
            case.require(prop, among, single, _SAME_ARITHMETIC, explanation)


def _check_log_det(case):
    import torch

    x = case.x.clone().requires_grad_()
    z, log_det = case.bijection(x, case.context)
    # Rows are independent (checked before), so the gradient of a column's sum is that column's
    # row of the Jacobian, for all rows at once.
    jacobian = torch.stack(
        [torch.autograd.grad(column.sum(), x, retain_graph=True)[0] for column in z.unbind(-1)],
        dim=-2,
    )
    truth = torch.linalg.slogdet(jacobian).logabsdet
    explanation = "log-det is not log|det| of the Jacobian that autodiff finds"
    case.require("log-det", log_det.detach(), truth, case.allowed(_LOG_DET), explanation)


def _check_pure(case):
    import torch

    for name, rows in case.directions():
        function, given, state = getattr(case.bijection, name), rows.clone(), torch.get_rng_state()
        with torch.no_grad():
            first = function(given, case.context)
        if not torch.equal(given, rows):
            fail(case.bijection, "input untouched", f"{name} changed its input in place")
        if not all(map(torch.equal, first, call(function, rows, case.context))):
            fail(case.bijection, "repeatable", f"two calls of {name} in eval mode differ")
        if not torch.equal(torch.get_rng_state(), state):
            fail(case.bijection, "global random state", f"{name} in eval mode draws from it")
        # the same rows, with the columns of a table side by side in memory
        with torch.no_grad():
            strided = function(rows.mT.contiguous().mT, case.context)
        explanation = f"{name} of the same rows in another layout of memory"
        for ours, theirs in zip(strided, first, strict=True):
            case.require("layout of memory", ours, theirs, _SAME_ARITHMETIC, explanation)


def _check_serialisation(case):
    import torch

    loaded, moved = copy.deepcopy(case.original), copy.deepcopy(case.other)
    loaded.load_state_dict(case.bijection.state_dict())
    # what a call has left behind must not outlive the parameters that it was made of
    for name, rows in case.directions():
        call(getattr(moved, name), rows, case.context)
    moved.load_state_dict(case.bijection.state_dict())
    try:
        unpickled = pickle.loads(pickle.dumps(case.bijection))
    except Exception as error:
        raise AssertionError(f"{type(case.bijection).__name__}: pickle: {error}") from error
    for prop, twin in (("state_dict", loaded), ("pickle", unpickled), ("stale", moved)):
        for name, rows in case.directions():
            got = call(getattr(twin, name), rows, case.context)
            if not all(map(torch.equal, got, getattr(case, name))):
                fail(case.bijection, prop, f"{name} of the restored bijection is another one")


def _check_context(case):
    import torch

    if case.context is None:
        return
    moved = call(case.bijection.forward, case.x, case.context + 1.0)
    if all(torch.allclose(a, b) for a, b in zip(moved, case.forward, strict=True)):
        fail(case.bijection, "context", "another context gives the same result")


def _check_members(case):
    import torch

    from skflow.members import stack_members

    members = (case.bijection, case.other)
    stacked = stack_members(members)
    context = None if case.context is None else torch.stack([case.context, case.context.flip(0)])
    rows = torch.stack([case.x, case.x.flip(0)])
    for name, _ in case.directions():
        prop = f"members in {name}"
        alone = [
            call(getattr(m, name), rows[k], rows_of(context, k)) for k, m in enumerate(members)
        ]
        try:
            together = call(getattr(stacked, name), rows, context)
        except (IndexError, RuntimeError) as error:
            message = f"{type(case.bijection).__name__}: {prop}: a stack of two fails: {error}"
            raise AssertionError(message) from error
        explanation = "a member of a stack gives another result than alone"
        for ours, *theirs in zip(together, *alone, strict=True):
            theirs = torch.stack(theirs)
            if ours.shape != theirs.shape:
                got = f"{tuple(ours.shape)} instead of {tuple(theirs.shape)}"
                fail(case.bijection, prop, f"a stack of two returned {got}")
            case.require(prop, ours, theirs, _SAME_ARITHMETIC, explanation)
        rows = torch.stack([z for z, _ in alone])


_CHECKS = (
    _check_shapes,
    _check_declared_inverse,
    _check_round_trip,
    _check_rows_independent,
    _check_log_det,
    _check_pure,
    _check_serialisation,
    check_gradients,
    _check_context,
    _check_members,
)
