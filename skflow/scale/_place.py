"""Where a table that does not fit in memory is read and trained on."""

from skflow.fitting._stream import Stream
from skflow.fitting._survey import take_survey
from skflow.scale._cluster import cluster_of
from skflow.scale._ranks import ranks_in_use

__all__ = ["place_of"]


def place_of(blocks):
    """Return where a fit to some rows is done.

    Parameters
    ----------
    blocks : NumberedBlocks

    Returns
    -------
    place : object
        With ``survey(digests)``, ``begin(resumable, survey)``, which returns the generator of the
        fit, and ``supply(survey, observation, held, encode, rng)``.
    """
    ranks = ranks_in_use()
    if ranks is not None:
        return _AmongRanks(ranks, blocks)
    cluster = cluster_of(blocks.source)
    return _Here(blocks) if cluster is None else _OnWorkers(cluster, blocks)


class _Here:
    """In this process: rows are read block by block, and lie shuffled in a file."""

    def __init__(self, blocks):
        self.blocks = blocks

    def begin(self, resumable, survey):
        return resumable.rng(survey.digest, None, None)

    def survey(self, digests):
        return take_survey(self.blocks, digests)

    def supply(self, *settings):
        return Stream(self.blocks, *settings)


class _OnWorkers(_Here):
    """On the workers of a cluster of Dask, which read partitions, and hold the rows in shards."""

    def __init__(self, cluster, blocks):
        from skflow.scale._look import parts_of

        super().__init__(blocks)
        self.cluster = cluster
        self.parts = parts_of(cluster, blocks)

    def survey(self, digests):
        from skflow.scale._look import survey_parts

        survey, self.parts = survey_parts(self.cluster, self.parts, self.blocks, digests)
        return survey

    def supply(self, survey, observation, held, encode, rng):
        from skflow.scale._shards import Shards

        given = survey, observation, held, encode, int(rng.integers(2**31))
        return Shards(self.cluster, self.parts, self.blocks, *given)


class _AmongRanks(_Here):
    """In the processes of a group, of which each reads and writes rows of its own."""

    def __init__(self, ranks, blocks):
        super().__init__(blocks)
        self.ranks = ranks

    def survey(self, digests):
        from skflow.scale._together import survey_together

        survey, self.own = survey_together(self.ranks, self.blocks, digests)
        return survey

    def begin(self, resumable, survey):
        """Begin with the seed of rank 0, which alone has the checkpoint."""
        ranks = self.ranks

        def look():
            return super(_AmongRanks, self).begin(resumable, survey) if ranks.rank == 0 else None

        rng = ranks.together(look)[0]
        resumable.seed = ranks.agreed(resumable.seed)
        return rng

    def supply(self, *settings):
        from skflow.scale._together import RankStream

        return RankStream(self.ranks, self.own, self.blocks, *settings)
