"""A fitted flow of any kind made into one that samples in a single pass."""

import time
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from skflow._clock import left_out, seconds_left, time_is_up, time_limit
from skflow._fit_record import fit_record
from skflow._random import draw_seed
from skflow._types import RandomState
from skflow.estimators._drawing import draw_from
from skflow.estimators._score_table import mean_and_error
from skflow.estimators._tabular import TableFlow
from skflow.estimators.flows._autoregressive import IAFDensity
from skflow.estimators.stack._candidates import DECLARED

__all__ = ["distill"]

MIN_DRAWS = 20
TRAINING_SHARE = 0.7  # of a limited time; the rest is for measuring
COPIED = ("n_features_in_", "feature_names_in_")


def distill(
    teacher: Any,
    student: IAFDensity | None = None,
    *,
    n_samples: int = 10_000,
    random_state: RandomState = None,
) -> IAFDensity:
    r"""Fit an inverse autoregressive flow to a fitted flow, for sampling in one pass [1]_.

    The student q is trained on draws of its own, which the teacher p scores, by the reverse KL

    .. math::
        \mathrm{KL}(q \,\|\, p) = E_{x \sim q}\bigl[\log q(x) - \log p(x)\bigr]

    so that neither the rows of the teacher's table nor a slow pass of either flow is needed in
    training. The student stands behind the teacher's preprocessing (that of its reference member
    if the teacher is an ensemble) and starts as a Gaussian mixture that EM fits to draws from
    the teacher, so that no mode is missed. The mixture is trained with the layers.

    Cost: a step is one pass of the student from noise to data and one score by the teacher, with
    gradients; a teacher that is an ensemble is scored as the mixture that it is, by all its
    members. Before it, ``n_samples`` draws from the teacher, after it twice as many scores by
    both.

    Parameters
    ----------
    teacher : estimator
        Any fitted flow of this package with ``flow_``: ``MAFDensity`` and ``NSFDensity``, whose
        sampling is sequential, or another. :class:`skflow.StackedDensity`, whose parts need not
        be flows, is none.
    student : IAFDensity, default=None
        Its settings; it is cloned, not changed. None is ``IAFDensity()``. Where a setting is
        "auto", one member is trained, without dropout, at a rate of 3e-3, with 256 draws a
        step; an epoch is 50 steps, and ``300 + 220 n_features`` steps, at most 2,500, are taken
        in all. Each of several members learns the whole teacher.
        Preprocessing, bounds, grids and periods are the teacher's: ``preprocessing`` must be
        "auto", ``support``, ``resolution``, ``periodic`` and ``context_columns`` None. There are
        no rows, so
        ``input_noise``, ``validation_fraction``, ``warm_start`` and ``checkpoint`` play no part.
    n_samples : int, default=10_000
        Draws from the teacher that start the student; and as many of each, fresh ones, that
        measure it. At least 20.
    random_state : int, RandomState instance or None, default=None
        None takes that of the student.

    Returns
    -------
    student : IAFDensity
        Fitted, with all that a fit on rows leaves, of which some have another meaning.
        ``history_``: the losses are the reverse KL, ``validation_loss`` on fixed noise.
        ``validation_score_``: mean log density, under the student, of fresh draws from the
        teacher. ``held_out_scores_`` and ``held_out_by_``: NaN and -1, one for each row that the
        teacher was fitted to if it has such scores. ``support``, ``resolution`` and ``periodic``
        are set to the teacher's.
        And, only on distilled flows:

        - ``reverse_kl_``, ``reverse_kl_error_``: mean of log q - log p over ``n_samples`` fresh
          draws of the student, in nats per row, and its standard error;
        - ``forward_kl_``, ``forward_kl_error_``: mean of log p - log q over ``n_samples`` fresh
          draws of the teacher: a mode that the student misses shows here and not above.

    Raises
    ------
    TypeError
        If the teacher is no flow of this package, or the student no ``IAFDensity``.
    ValueError
        If the teacher is not fitted (``NotFittedError``), is one of integers, given a context or
        has a ``symmetry``; or if the student declares a preprocessing, bounds, grids, periods or
        a context of its own.

    See Also
    --------
    IAFDensity : What the student is; its ``fit`` learns from rows instead.

    References
    ----------
    .. [1] van den Oord, Li, Babuschkin, Simonyan, Vinyals, Kavukcuoglu et al. (2017), Parallel
       WaveNet: fast high-fidelity speech synthesis, arXiv:1711.10433, section 4.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import IAFDensity, MAFDensity, distill
    >>> X = load_iris().data
    >>> teacher = MAFDensity(n_layers=2, n_members=1, max_epochs=5, random_state=0).fit(X)
    >>> student = distill(teacher, IAFDensity(n_layers=1, max_epochs=2), random_state=0)
    >>> student.sample(3, random_state=0).shape
    (3, 4)
    """
    from skflow.estimators.distillation._student import fit_student, plan_of_student

    start = time.perf_counter()
    student = _checked(teacher, student, n_samples)
    seed = draw_seed(student.random_state if random_state is None else random_state)
    student.__dict__.update({k: v for k, v in vars(teacher).items() if k in COPIED})
    with time_limit(student.max_seconds):
        plan = plan_of_student(student, teacher, n_samples, seed)
        observation = teacher.observation_
        with time_limit(TRAINING_SHARE * seconds_left()):
            fit = fit_student(student, teacher.flow_, observation, plan, n_samples, seed)
        student.context_ = None
        student._show(observation)
        student._show_fit(fit, plan, n_rows=n_samples)
        unseen = getattr(teacher, "held_out_scores_", np.empty(0))
        student.held_out_scores_ = np.full(len(unseen), np.nan)
        student.held_out_by_ = np.full(len(unseen), -1)
        _measure(student, teacher, n_samples, np.random.RandomState(seed))
    student._fit_record_ = fit_record(None, time.perf_counter() - start)
    return student


def _checked(teacher, student, n_samples):
    """Return a clone of the student, after what can be wrong was found not to be."""
    _check_teacher(teacher)
    student = IAFDensity() if student is None else student
    if not isinstance(student, IAFDensity):
        raise TypeError(
            "student must be an IAFDensity, the flow that samples in one pass, or None; got "
            f"{type(student).__name__}."
        )
    if not isinstance(n_samples, Integral) or n_samples < MIN_DRAWS:
        raise ValueError(
            f"n_samples must be an integer of at least {MIN_DRAWS}, the draws that start and "
            f"measure the student; got {n_samples!r}."
        )
    student._validate_params()
    own = [name for name in (*DECLARED, "context_columns") if getattr(student, name) is not None]
    own += ["preprocessing"] * (student.preprocessing != "auto")
    if own:
        raise ValueError(
            f"student has {own[0]}={getattr(student, own[0])!r}, but a student takes over the "
            f"teacher's {own[0]}: leave it at {getattr(IAFDensity, own[0])!r}."
        )
    return clone(student).set_params(**{name: getattr(teacher, name) for name in DECLARED})


def _check_teacher(teacher):
    """Raise a TypeError or ValueError where a teacher is not a density that students can have."""
    if not isinstance(teacher, TableFlow):
        raise TypeError(
            "teacher must be a fitted flow of skflow, such as MAFDensity or NSFDensity, with a "
            f"flow_ to learn from; got {type(teacher).__name__}."
        )
    check_is_fitted(teacher, "flow_")
    if not teacher.observation_.continuous:
        raise ValueError(
            f"the teacher has levels={teacher.levels}, so that it is a distribution of integers, "
            "and students are densities: fit a teacher with levels=None."
        )
    if teacher.n_context_:
        raise ValueError(
            f"the teacher was fitted with a context of {teacher.n_context_} columns, and students "
            "take none: fit a teacher without one."
        )
    if getattr(teacher, "symmetry", None) is not None:
        raise ValueError(
            "the teacher has symmetry=..., so that its density is one around the centre of mass, "
            "and students have one of all columns: fit a teacher without symmetry."
        )


def _measure(student, teacher, n, rng):
    """Compare both densities where the student draws, and where the teacher does."""
    draws = draw_from(student, n, rng)
    of_student, of_teacher = _scores_in_time(student, teacher, draws)
    student.reverse_kl_, student.reverse_kl_error_ = mean_and_error(of_student - of_teacher)
    draws = draw_from(teacher, n, rng)
    of_student, of_teacher = _scores_in_time(student, teacher, draws)
    student.forward_kl_, student.forward_kl_error_ = mean_and_error(of_teacher - of_student)
    student.validation_score_ = float(of_student.mean())


def _scores_in_time(student, teacher, draws):
    """Log densities of draws, of the first ones if time is short."""
    from skflow.fitting._blocks import BLOCK, log_density

    parts = []
    for start in range(0, len(draws), BLOCK):
        if parts and time_is_up():
            left_out(f"the scores of {len(draws) - start} of {len(draws)} draws that measure it")
            break
        block = draws[start : start + BLOCK]
        pair = student, teacher
        scores = [log_density(e.flow_, block, observation=e.observation_) for e in pair]
        parts.append(scores)
    return tuple(np.concatenate(scores) for scores in zip(*parts, strict=True))
