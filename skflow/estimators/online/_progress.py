"""The stream that an estimator has learnt so far, and what each block does to it."""

import copy

import numpy as np

from skflow._input import column_label
from skflow._notices import warn
from skflow._random import draw_seed
from skflow.estimators.online._block import block_of, check_block, read_contexts, selected
from skflow.estimators.online._settlement import reason_to_settle, settle_stream
from skflow.exceptions import DriftWarning
from skflow.fitting._drift import compare_block
from skflow.fitting._reservoir import Reservoir, blocks_joined
from skflow.tables._head import keys_of

__all__ = ["FIRST", "LearntStream", "take"]

FIRST = 1_000  # rows that a stream starts with
FEWEST = 512  # rows that are learnt together, at least
A_PASS = 8_192  # rows of a pass, at least, if so many were kept
KEPT, KEPT_ENTRIES = 100_000, 2**24  # rows that may be learnt again, and numbers in them
HELD_OUT, HELD_OUT_ENTRIES = 10_000, 2**22
SHARE = 20  # one row in so many is held out
NOISE = 3.0  # standard errors by which held-out rows may become less likely
FEWEST_JUDGES = 30  # held-out rows that can say so
ROLES, OF_TRAINING, OF_HELD_OUT = 0, 1, 2  # of hashes


class LearntStream:
    """What ``partial_fit`` hands on from call to call; replaced and not changed.

    Attributes
    ----------
    seed : int
    n_seen : int
        Rows so far.
    waiting : list of dict
        Blocks that are not learnt yet.
    kept, held_out : Reservoir
    carried : dict or None
        What a pass of training hands on to the next.
    n_passes : int
    drifted : bool
        Whether a block was reported since repeated values were last looked for.
    looked_at : int
        How many rows had come when repeated values were last looked for.
    level : ndarray
        Scores of held-out rows of a fit before the stream.
    """

    def __init__(self, seed, n_seen, d):
        self.seed, self.n_seen = seed, n_seen
        self.waiting, self.carried = [], None
        self.n_passes = self.looked_at = 0
        self.level, self.drifted = np.empty(0), False
        # wide rows are fewer
        n, m = max(FIRST, KEPT_ENTRIES // d), max(FIRST, HELD_OUT_ENTRIES // d)
        self.kept = Reservoir(min(KEPT, n), self._salt(OF_TRAINING))
        self.held_out = Reservoir(min(HELD_OUT, m), self._salt(OF_HELD_OUT))

    @classmethod
    def beginning(cls, estimator):
        """Return that of an estimator without a stream, which may have been fitted."""
        attributes = vars(estimator)
        scores = attributes.get("held_out_scores_", np.empty(0))
        n_seen = attributes.get("n_rows_seen_", len(scores))  # a file keeps the one
        stream = cls(draw_seed(estimator.random_state), n_seen, estimator.n_features_in_)
        stream.level, stream.looked_at = scores[np.isfinite(scores)], n_seen
        return stream

    @property
    def n_waiting(self):
        """Rows that are not learnt yet."""
        return sum(len(block["rows"]) for block in self.waiting)

    def is_held_out(self, positions):
        """Which rows are held out, by their positions in the stream."""
        return keys_of(positions, self._salt(ROLES)) % np.uint64(SHARE) == 0

    def rng(self, what=0):
        """Return the generator of the pass to come."""
        return np.random.default_rng([self.seed, self.n_passes, what])

    def _salt(self, role):
        return 4 * self.seed + role


def take(estimator, stream, rows, weight, context, like):
    """Take a block of checked rows, on a draft of an estimator; return the stream after it."""
    stream = copy.copy(stream)
    check_block(estimator, rows, weight, like)
    block = block_of(estimator, stream.n_seen, rows, weight, context)
    stream.n_seen += len(rows)
    stream.waiting = [*stream.waiting, block]
    estimator.n_rows_seen_ = stream.n_seen
    vars(estimator).setdefault("stream_history_", [])
    fitted = "flow_" in vars(estimator)
    if stream.n_waiting < (FEWEST if fitted else FIRST):
        return stream
    if not fitted:
        stream.waiting = read_contexts(estimator, stream.waiting)
    block, stream.waiting = blocks_joined(stream.waiting), []
    return _learnt(estimator, stream, block) if fitted else _started(estimator, stream, block)


def _started(estimator, stream, block):
    """Settle a stream by its first rows."""
    held = stream.is_held_out(block["positions"])
    _offer(stream, block, held)
    settle_stream(estimator, stream, selected(block, ~held))
    _judge(estimator, stream)
    _note(estimator, stream, block, None)
    return stream


def _learnt(estimator, stream, block):
    """Score a block, keep its share of rows, and learn it."""
    scores = _scores(estimator, block)
    held = stream.is_held_out(block["positions"])
    before = stream.held_out
    known = len(before) > 0
    drift = compare_block(
        scores,
        before.columns["scores"] if known else stream.level,
        _numbers(estimator, block),
        _numbers(estimator, before.columns) if known else None,
    )
    if drift.reported:
        _warn_of_drift(estimator, block, drift)
    n = int((~held).sum())
    replayed = stream.kept.draw(max(n, A_PASS - n), stream.rng())
    _offer(stream, block, held, scores)
    stream.drifted |= drift.reported
    settled = _settled_anew(estimator, stream, block)
    if settled:
        _note(estimator, stream, block, drift, settled=True)
        return stream
    if drift.typical or not known:
        rows = blocks_joined([part for part in (selected(block, ~held), replayed) if part])
    else:  # its share in all rows is that in the rows kept
        rows = stream.kept.draw(max(2 * n, A_PASS), stream.rng())
    taken = not len(rows["rows"]) or _pass(estimator, stream, rows)
    _note(estimator, stream, block, drift, taken=taken)
    return stream


def _settled_anew(estimator, stream, block):
    """Settle and fit the flow anew if there is a reason to; return whether that was done."""
    found = reason_to_settle(estimator, stream, block)
    if found is None:
        return False
    reason, must = found
    if must and len(stream.held_out):  # the scores of before are of other densities
        nothing = np.full(len(stream.held_out), np.nan)
        stream.held_out = stream.held_out.with_column("scores", nothing)
    last, carried = dict(vars(estimator)), stream.carried
    settle_stream(estimator, stream, stream.kept.columns)
    if not _judge(estimator, stream, least=0.0):
        vars(estimator).clear()
        vars(estimator).update(last)
        stream.carried = carried
        return False
    warn(
        f"{reason}: the flow was settled and fitted anew, to {len(stream.kept)} rows that were "
        "kept.",
        DriftWarning,
    )
    return True


def _pass(estimator, stream, rows):
    """Make a pass of training over rows; return whether its weights were taken."""
    from skflow.fitting._online import learn_block

    stream.n_passes += 1
    rng = stream.rng(1)
    table = estimator.observation_.prepare(
        rows["rows"], rows["weight"], rng, context=rows["context"]
    )
    seed = int(rng.integers(2**31))
    last = estimator.flow_
    flow, carried, stopped_by = learn_block(
        estimator, table, estimator.plan_, last, seed, stream.carried
    )
    estimator.flow_, estimator.stopped_by_ = flow, stopped_by
    if not _judge(estimator, stream):
        estimator.flow_ = last
        return False
    stream.carried = carried
    return True


def _judge(estimator, stream, least=-NOISE):
    """Score the held-out rows; False, and nothing else, where they gain too little.

    ``least`` is in standard errors of the gain.
    """
    if not len(stream.held_out):
        return True
    columns = stream.held_out.columns
    scores, last = _scores(estimator, columns), columns["scores"]
    gain = scores - last
    if len(gain) >= FEWEST_JUDGES and not np.isnan(last).any():
        error = gain.std() / np.sqrt(len(gain))
        if not gain.mean() >= least * error:
            return False
    stream.held_out = stream.held_out.with_column("scores", scores)
    weight = columns["weight"]
    estimator.validation_score_ = float(np.average(scores, weights=weight))
    return True


def _offer(stream, block, held, scores=None):
    """Let the two reservoirs take what they want of a block."""
    scores = np.full(len(held), np.nan) if scores is None else scores
    train, rest = selected(block, ~held), selected({**block, "scores": scores}, held)
    if len(train["rows"]):
        stream.kept = stream.kept.add(train["positions"], train)
    if len(rest["rows"]):
        stream.held_out = stream.held_out.add(rest["positions"], rest)


def _scores(estimator, block):
    from skflow.fitting._blocks import log_density

    scores = log_density(
        estimator.flow_,
        block["rows"],
        block["context"],
        observation=estimator.observation_,
        **estimator._workers,
    )
    return np.maximum(scores, -1e30)  # means and spreads of all of them are numbers


def _numbers(estimator, block):
    """Columns (n, d + c) of rows and their context."""
    rows, context = estimator.observation_.turn(block["rows"]), block["context"]
    return rows if context is None else np.column_stack([rows, context])


def _warn_of_drift(estimator, block, drift):
    names, d = getattr(estimator, "feature_names_in_", None), estimator.n_features_in_
    labels = [
        column_label(j, names) if j < d else f"column {j - d} of the context"
        for j in drift.columns
    ]
    told = [
        f"{label} by {far:.2f}" for label, far in zip(labels, drift.columns.values(), strict=True)
    ]
    apart = f"; distribution functions differ, of {', '.join(told)}" if told else ""
    first, last = block["positions"][[0, -1]]
    warn(
        f"Rows {first} to {last} of the stream are not like those before them: their mean log "
        f"density, before they were learnt, is {drift.score:.3f}, and that of held-out rows "
        f"{drift.level:.3f} (standard error of the difference {drift.error:.3f}){apart}. The "
        "density stays that of all rows; where only later ones matter, begin anew with them.",
        DriftWarning,
    )


def _note(estimator, stream, block, drift, *, settled=False, taken=True):
    columns = {} if drift is None else drift.columns
    record = {
        "n_rows_seen": stream.n_seen,
        "n_rows": len(block["rows"]),
        "score_before": None if drift is None else drift.score,
        "level_before": None if drift is None else drift.level,
        "standard_error": None if drift is None else drift.error,
        "drift": drift is not None and drift.reported,
        "drifting_columns": columns,
        "held_out_score": estimator.validation_score_,
        "n_held_out": len(stream.held_out),
        "settled": settled or drift is None,
        "taken": taken,
    }
    estimator.stream_history_ = [*estimator.stream_history_, record]
