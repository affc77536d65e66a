"""How fine the structure is that rows resolve."""

import torch

__all__ = ["fineness"]

MIN_NEIGHBORS, NEIGHBOR_SHARE = 5, 0.02
DENSEST = 0.1
# Of a normal column, the densest tenth of the rows has so many deviations to the neighbours.
OF_NORMAL_ROWS = 0.02
MAX_ROWS = 2_000


@torch.no_grad()
def fineness(z):
    """How much finer the densest rows lie than those of a normal table, at most 1.

    The densest tenth of the rows has a fiftieth of all rows within some distance: that distance,
    by column, in units of the one of normal columns. Floors of scales are to be multiplied by it.

    Parameters
    ----------
    z : tensor of shape (n, d)
        On a scale near one. At most 2,000 rows are looked at, drawn by a generator of their own.
    """
    if len(z) > MAX_ROWS:  # the first of sorted rows would lie closer than all do
        z = z[torch.randperm(len(z), generator=torch.Generator().manual_seed(0))[:MAX_ROWS]]
    n, d = z.shape
    k = max(MIN_NEIGHBORS, round(NEIGHBOR_SHARE * n)) + 1
    if n <= 2 * k:
        return 1.0
    reach = torch.cdist(z, z, compute_mode="donot_use_mm_for_euclid_dist").kthvalue(k).values
    typical = float(reach.quantile(DENSEST)) / d**0.5 / OF_NORMAL_ROWS
    return min(1.0, max(typical, torch.finfo(torch.float64).eps))
