"""Rows scored and drawn cell by cell, in given orders of the columns."""

import torch

__all__ = ["draw_in_order", "log_prob_in_order"]


@torch.no_grad()
def log_prob_in_order(net, values, known, order):
    """Log density (n,) of the cells of rows that are not known, float64.

    Parameters
    ----------
    net : AnyOrderNet
    values : tensor of shape (n, d)
        NaN in holes, which stay unknown.
    known : tensor of shape (n, d), bool
    order : sequence of int
        Of the columns; those not in it are not asked for.
    """
    seen, known = ~torch.isnan(values), known.clone()
    total = torch.zeros(len(values), dtype=torch.float64)
    filled = values.nan_to_num(0.0)
    for j in order:
        rows = (seen[:, j] & ~known[:, j]).nonzero()[:, 0]
        if len(rows) == len(values):
            total += net.column(filled, known, j).log_prob(filled[:, j])
        elif len(rows):
            own = filled[rows]
            total[rows] += net.column(own, known[rows], j).log_prob(own[:, j]).double()
        known[rows, j] = True
    return total


@torch.no_grad()
def draw_in_order(net, values, order):
    """Rows (n, d) with cells drawn wherever a column of the order is NaN.

    Parameters
    ----------
    net : AnyOrderNet
    values : tensor of shape (n, d)
        NaN where unknown.
    order : sequence of int
    """
    values = values.clone()
    known = ~torch.isnan(values)
    filled = values.nan_to_num(0.0)
    for j in order:
        rows = (~known[:, j]).nonzero()[:, 0]
        if len(rows):
            filled[rows, j] = net.column(filled[rows], known[rows], j).draw()
            values[rows, j] = filled[rows, j]
            known[rows, j] = True
    return values
