"""Student-t densities fitted to columns by maximum likelihood, many columns at once."""

import math

import torch

__all__ = ["fit_student_t"]

GRID = (1.02, 1.3, 1.7, 2.2, 3.0, 4.0, 5.5, 8.0, 12.0, 20.0, 40.0, 100.0, 300.0)
STEPS = 12  # of EM for each df, from the location and scale of the df before
MAX_ROWS = 5_000
MIN_SCALE = 1e-3  # of the spread: repeated values would let the scale fall to zero


@torch.no_grad()
def fit_student_t(z, weight=None):
    """Location, scale and degrees of freedom of each column.

    The likelihood, maximised over location and scale by EM, is taken on a grid of degrees of
    freedom, of which the best is kept; they alone are then refined by a parabola in their
    logarithm.

    Parameters
    ----------
    z : tensor of shape (*members, n, d)
        At most 5,000 of the rows are looked at, drawn by a generator of their own. Squares must
        be finite in float64.
    weight : tensor of shape (*members, n) or (n,), optional
        Not negative; a row of weight zero plays no part.

    Returns
    -------
    loc, scale, df : tensors of shape (*members, d), float64
    """
    z = z.double()
    weight = torch.ones_like(z[..., 0]) if weight is None else weight.double()
    if z.shape[-2] > MAX_ROWS:
        generator = torch.Generator().manual_seed(0)
        keep = torch.randperm(z.shape[-2], generator=generator)[:MAX_ROWS].to(z.device)
        z, weight = z[..., keep, :], weight[..., keep]
    share = (weight / weight.sum(-1, keepdim=True)).unsqueeze(-1)
    used = torch.where(share > 0, z, math.nan)
    loc = used.nanmedian(-2, keepdim=True).values
    spread = (used - loc).abs().nanmedian(-2, keepdim=True).values
    spread = torch.where(spread > 0, spread, 1.0)
    z = torch.where(share > 0, z, loc)
    scale, fits, places = spread, [], []
    for df in reversed(GRID):
        for _ in range(STEPS):
            pull = share * (df + 1) / (df + ((z - loc) / scale).square())
            loc = (pull * z).sum(-2, keepdim=True) / pull.sum(-2, keepdim=True)
            variance = (pull * (z - loc).square()).sum(-2, keepdim=True)
            scale = torch.maximum(variance.sqrt(), MIN_SCALE * spread)
        fits.append(_mean_log_density(z, share, loc, scale, df))
        places.append(torch.cat([loc, scale], -2))
    fits, places = torch.stack(fits[::-1]), torch.stack(places[::-1])
    best = fits.argmax(0, keepdim=True).unsqueeze(-2).expand(1, *places.shape[1:])
    loc, scale = places.gather(0, best)[0].unbind(-2)
    return loc, scale, _vertex(fits)


def _mean_log_density(z, share, loc, scale, df):
    constant = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - 0.5 * math.log(math.pi * df)
    tail = torch.log1p(((z - loc) / scale).square() / df)
    return constant - scale.log().squeeze(-2) - 0.5 * (df + 1) * (share * tail).sum(-2)


def _vertex(fits):
    """Degrees of freedom at the top of the parabola through the best point and its neighbours."""
    at = torch.tensor(GRID, dtype=fits.dtype, device=fits.device).log()
    middle = fits.argmax(0, keepdim=True).clamp(1, len(GRID) - 2)
    index = torch.cat([middle - 1, middle, middle + 1])
    (a, b, c), (left, top, right) = at[index], fits.gather(0, index)
    rise, fall = (top - left) / (b - a), (top - right) / (c - b)
    bend = (rise + fall) / (c - a)  # minus the second divided difference
    vertex = 0.5 * (a + b) + 0.5 * rise / bend
    # on a line or in a valley there is no top between the neighbours
    vertex = torch.where(bend > 0, vertex, at[fits.argmax(0)])
    return torch.maximum(torch.minimum(vertex, c), a).exp()
