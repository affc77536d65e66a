"""Rows scored and drawn cell by cell, in given orders of the columns."""

import torch

__all__ = ["draw_in_order", "log_prob_in_order"]


@torch.no_grad()
def log_prob_in_order(conditionals, values, known, order, ends=None):
    """Log density (n,) of the cells of rows that are not known, float64.

    Parameters
    ----------
    conditionals : Blend
    values : tensor of shape (n, d)
        NaN in holes, which stay unknown.
    known : tensor of shape (n, d), bool
    order : sequence of int
        Of the columns; those not in it are not asked for.
    ends : tensor of shape (n, d, 2), optional
        Of cells whose mass is asked for: their low end and their width; NaN for others.
    """
    seen, known = ~torch.isnan(values), known.clone()
    total = torch.zeros(len(values), dtype=torch.float64)
    filled = values.nan_to_num(0.0)
    for j in order:
        rows = (seen[:, j] & ~known[:, j]).nonzero()[:, 0]
        if len(rows):
            own = filled[rows]
            cells = conditionals.column(own, known[rows], j)
            if ends is None or torch.isnan(ends[rows[0], j, 0]):
                log_prob = cells.log_prob(own[:, j])
            else:
                log_prob = cells.log_mass(*ends[rows, j].unbind(-1))
            total[rows] += log_prob.double()
        known[rows, j] = True
    return total


@torch.no_grad()
def draw_in_order(conditionals, values, order, u, settled):
    """Rows (n, d) with cells drawn wherever a column of the order is NaN.

    Repeated values are drawn spread, as they are asked for; but whoever knows one knows the
    value, and so do the cells that are drawn next.

    Parameters
    ----------
    conditionals : Blend
    values : tensor of shape (n, d)
        NaN where unknown.
    order : sequence of int
    u : tensor of shape (n, d)
        Uniform numbers from which the cells are drawn.
    settled : callable
        Makes of scores (n,) that are drawn in a column j those that they are known by.
    """
    values = values.clone()
    known = ~torch.isnan(values)
    filled = values.nan_to_num(0.0)
    for i, j in enumerate(order):
        rows = (~known[:, j]).nonzero()[:, 0]
        if len(rows):
            values[rows, j] = conditionals.draw(filled[rows], known[rows], j, u[rows, i])
            filled[rows, j] = settled(j, values[rows, j])
            known[rows, j] = True
    return values
