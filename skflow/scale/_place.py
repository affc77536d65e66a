"""Where a table that does not fit in memory is read and trained on."""

from skflow.fitting._stream import Stream
from skflow.fitting._survey import take_survey
from skflow.scale._cluster import cluster_of

__all__ = ["place_of"]


def place_of(blocks):
    """Return where a fit to some rows is done.

    Parameters
    ----------
    blocks : NumberedBlocks

    Returns
    -------
    place : object
        With ``survey(digests)``, and ``supply(survey, observation, held, encode, rng)``.
    """
    cluster = cluster_of(blocks.source)
    return _Here(blocks) if cluster is None else _OnWorkers(cluster, blocks)


class _Here:
    """In this process: rows are read block by block, and lie shuffled in a file."""

    def __init__(self, blocks):
        self.blocks = blocks

    def survey(self, digests):
        return take_survey(self.blocks, digests)

    def supply(self, *settings):
        return Stream(self.blocks, *settings)


class _OnWorkers:
    """On the workers of a cluster of Dask, which read partitions, and hold the rows in shards."""

    def __init__(self, cluster, blocks):
        from skflow.scale._look import parts_of

        self.cluster, self.blocks = cluster, blocks
        self.parts = parts_of(cluster, blocks)

    def survey(self, digests):
        from skflow.scale._look import survey_parts

        survey, self.parts = survey_parts(self.cluster, self.parts, self.blocks, digests)
        return survey

    def supply(self, survey, observation, held, encode, rng):
        from skflow.scale._shards import Shards

        given = survey, observation, held, encode, int(rng.integers(2**31))
        return Shards(self.cluster, self.parts, self.blocks, *given)
