"""What a stream is settled by: its first rows, and later ones that are of another kind."""

import numpy as np

from skflow._validation import column_label

__all__ = ["reason_to_settle", "settle_stream"]

LONG = 500_000  # rows of the table that a stream is taken for
AS_LONG = ("n_members", "hidden_features", "dropout", "input_noise")  # settings as for that
# attributes with a number for each row of a fit
OF_ROWS = ("held_out_scores_", "held_out_by_", "held_out_at_")


def settle_stream(estimator, stream, block):
    """Settle bounds, repeated values and plan by the rows of a block, and fit the flow to them."""
    from skflow.fitting._fit import fit_flow
    from skflow.fitting._settings import settle
    from skflow.tables._read import table_of

    family = estimator._family()
    stream.n_passes += 1
    rng, stream.carried = stream.rng(2), None
    stream.drifted, stream.looked_at = False, stream.n_seen
    seed = int(rng.integers(2**31))
    table = table_of(estimator, family, block["rows"], block["weight"], block["context"], rng)
    settings = {"n_context": table.n_context, "seed": stream.seed}
    long = settle(estimator, family, LONG, table.n_features, "standardize", **settings)
    kept = {name: getattr(long, name) for name in AS_LONG}
    plan = estimator._settle(family, table, seed, kept=kept)
    fit = fit_flow(estimator, table, plan, family, seed)
    estimator._show(table.observation)
    estimator._show_fit(fit, plan, n_rows=stream.n_seen)
    for name in OF_ROWS:
        vars(estimator).pop(name, None)


def reason_to_settle(estimator, stream, block):
    """Say why the rows that came are not those that the flow was settled by; None if they are.

    Constants that vary are looked for in every block, all else when twice as many rows have come.

    Returns
    -------
    reason : str
    must : bool
        Whether nothing else will do; if not, held-out rows decide which flow is better.
    """
    ties = estimator.observation_.ties
    names = getattr(estimator, "feature_names_in_", None)
    for j in np.flatnonzero(ties.constant):
        if np.any(ties.widths_in(j, block["rows"][:, j]) == 0) or _varies(block["rows"][:, j]):
            return f"{column_label(j, names)}, which was constant, has other values now", True
    if stream.n_seen < 2 * stream.looked_at or not len(stream.kept):
        return None
    before, stream.looked_at = stream.looked_at, stream.n_seen
    drifted, stream.drifted = stream.drifted, False
    family, kept = estimator._family(), stream.kept.columns
    now = estimator._observe(kept["rows"], kept["weight"], family).ties
    for j, (was, kind) in enumerate(zip(ties.kinds, now.kinds, strict=True)):
        grids = was == kind == "grid" and ties.widths[j] != now.widths[j]
        if was != kind or grids:
            label = column_label(j, names)
            return f"{label} was taken for {_said(ties, j)} and is {_said(now, j)}", True
    return (f"Rows have changed since the first {before}", False) if drifted else None


def _varies(x):
    return not np.allclose(x, x[0], rtol=1e-9, atol=0)


def _said(ties, j):
    if ties.kinds[j] == "grid":
        return f"a grid of {ties.widths[j]:g}"
    kinds = {"atom": "continuous with values that repeat", "irregular": "an irregular grid"}
    return kinds.get(ties.kinds[j], ties.kinds[j])
