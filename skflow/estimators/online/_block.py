"""Blocks of a stream: their rows, weights, contexts and positions, by name."""

import numpy as np

from skflow._containers import rows_at
from skflow.sources._parts import joined
from skflow.tables._bounds import check_inside_support

__all__ = ["block_of", "check_block", "read_contexts", "selected"]


def check_block(estimator, rows, weight, like):
    """Raise a ValueError for rows that a fit would not take."""
    names = getattr(estimator, "feature_names_in_", None)
    known = vars(estimator).get("observation_")
    if known is None:  # whatever else it finds is found again when the stream is settled
        known = estimator._observe(rows, weight, estimator._family(), like=like)
    known.check(rows, names, like=like)
    used = None if weight is None else weight > 0
    check_inside_support(known.turn(rows), *known.bounds[:2], names, used, like)


def block_of(estimator, position, rows, weight, context):
    """Return a block; its context as it came until a stream is settled, then in numbers."""
    if "flow_" in vars(estimator):
        context = estimator._given(context, len(rows))
    elif context is not None:
        n = len(context) if hasattr(context, "__len__") else -1
        if n != len(rows):
            raise ValueError(
                f"context has {n} rows and X has {len(rows)}: pass one for each row of X."
            )
    positions = np.arange(position, position + len(rows))
    # a row without weight is none
    used = slice(None) if weight is None else weight > 0
    if weight is not None and context is not None and not weight.all():
        context = rows_at(context, np.flatnonzero(used))
    return {
        "positions": positions[used],
        "rows": np.array(rows[used]),  # of the user's array, which may change
        "weight": None if weight is None else weight[used],
        "context": context,
    }


def read_contexts(estimator, blocks):
    """Learn from the contexts of all blocks how to read them, and make numbers of them."""
    contexts = [block["context"] for block in blocks]
    if any((context is None) != (contexts[0] is None) for context in contexts):
        raise ValueError(
            "some blocks of the stream came with a context and some without: pass one with every "
            "block, or with none."
        )
    rows = sum(len(block["rows"]) for block in blocks)
    takes = estimator._family().takes_context
    whole = None if contexts[0] is None else _whole(contexts)
    given = estimator._read_context(whole, rows, takes)
    if given is None:
        return blocks
    ends = np.cumsum([len(block["rows"]) for block in blocks])[:-1]
    parts = np.split(given, ends)
    return [{**block, "context": part} for block, part in zip(blocks, parts, strict=True)]


def selected(block, which):
    """Return some rows of a block."""
    return {name: None if a is None else a[which] for name, a in block.items()}


def _whole(contexts):
    """Put contexts of one kind together."""
    kinds = {type(context) for context in contexts}
    if len(kinds) > 1:
        names = sorted(kind.__name__ for kind in kinds)
        raise TypeError(
            f"blocks of the stream came with contexts of several kinds, {', '.join(names)}: pass "
            "all in one."
        )
    return joined([np.asarray(c) if isinstance(c, list) else c for c in contexts])
