"""The first pass over a table on the workers of a cluster: its partitions, and a survey."""

import math
from typing import Any, NamedTuple

import numpy as np

from skflow._clock import left_out
from skflow.fitting._survey import READING, Scout, head_size
from skflow.scale._tasks import first_rows, look

__all__ = ["Part", "parts_of", "survey_parts"]

# the sample that is asked for beyond its size, in deviations of how many rows have such keys
SLACK = 10


class Part(NamedTuple):
    """A partition that has rows.

    Attributes
    ----------
    rows : Delayed
    start, stop : int
        Positions of its rows in the table.
    """

    rows: Any
    start: int
    stop: int


def parts_of(cluster, blocks):
    """Return the partitions of a table, and have ``blocks`` know its columns.

    Rows of data frames, and of arrays whose chunks are not known, are counted on the workers.

    Parameters
    ----------
    cluster : WorkCluster
    blocks : NumberedBlocks
        Of the whole table.

    Returns
    -------
    parts : list of Part
    """
    from dask import delayed

    source = blocks.source
    given = source.collection.to_delayed()
    given = list(getattr(given, "flat", given))  # an array of them, or a list
    sizes = getattr(source.collection, "chunks", ((math.nan,),))[0]
    if np.isnan(sizes).any():
        counts = cluster.compute([delayed(len)(rows) for rows in given])
        sizes = cluster.results(counts, READING)
        if None in sizes:
            sizes = sizes[: sizes.index(None)]
            left_out(f"all rows after the first {sum(sizes):,}")
    ends = np.cumsum([0, *sizes]).astype(int).tolist()
    every = [Part(*one) for one in zip(given, ends[:-1], ends[1:], strict=False)]
    parts = [part for part in every if part.stop > part.start]
    if not parts:
        source.join([])  # which says that there are no rows
    if len(sizes) == len(given):
        blocks.check_length(ends[-1])
    first = cluster.results(cluster.compute([delayed(first_rows)(parts[0].rows)]))
    blocks.meet(first[0])
    return parts


def survey_parts(cluster, parts, blocks, digests):
    """Go through the rows once, as ``take_survey`` does.

    The digest is of those of the partitions: another cut of the same rows has another one.

    Returns
    -------
    survey : Survey
    parts : list of Part
        Those that there was time for.
    """
    n = sum(part.stop - part.start for part in parts)
    size = head_size(blocks.estimator.n_features_in_)
    wanted = size
    while True:
        limit = _limit(wanted, n)
        scouts = _scouts(cluster, parts, blocks, digests, limit)
        seen = [part for part, one in zip(parts, scouts, strict=True) if one is not None]
        whole = Scout(digests)
        for one in filter(None, scouts):
            whole.add(one)
        survey = whole.survey()
        if limit is None or len(survey.rows) >= min(size, survey.n_rows):
            break
        # many weights are zero, which was not known: the sample needs more of the keys
        wanted = math.ceil(1.1 * size * n / survey.n_rows)
    if len(seen) < len(parts):
        left_out(f"all rows but {sum(part.stop - part.start for part in seen):,}")
    return survey, seen


def _limit(wanted, n):
    """Largest key that so many of n rows have, hardly ever fewer; None if all may be needed."""
    share = (wanted + SLACK * math.sqrt(wanted)) / n
    return None if share >= 1 else int(share * np.iinfo(np.uint64).max)


def _scouts(cluster, parts, blocks, digests, limit):
    from dask import delayed

    reader = cluster.spread(blocks.reader())
    what = blocks.source.what
    tasks = [
        delayed(look)(rows, reader, what, start, blocks.weights_at(start, stop), digests, limit)
        for rows, start, stop in parts
    ]
    return cluster.results(cluster.compute(tasks), READING)
