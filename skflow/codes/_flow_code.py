"""Tables of numbers as symbols on a stack, by a fitted flow."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from skflow._input import row_label
from skflow._persistence import stored
from skflow._validation import column_label
from skflow.codes._code import RowCode
from skflow.codes._local import LocalRows
from skflow.codes._triangular import (
    TriangularCells,
    members_of,
    normal_rows,
    normal_scores_of,
    order_of,
)
from skflow.tables._decimals import DecimalCells
from skflow.tables._resolution import resolve_resolution
from skflow.tables._schema import Schema

__all__ = ["FlowCode"]

CLOSE = 1e-6  # to a multiple of a step
TRIED = 32  # rows at which it is seen what follows from what


@stored
@dataclass(frozen=True, eq=False)
class FlowCode(RowCode):
    """Cells by the conditional distributions of a flow, or whole rows by local bits-back coding.

    Attributes
    ----------
    density : estimator
        With ``flow_`` and ``observation_``.
    schema : Schema
    cells : tuple of DecimalCells
    ranges : ndarray of shape (d, 2)
        Lowest and highest code of each column in the fit.
    deviations : ndarray of shape (d,)
        Of the codes.
    orders : list of (list of int, list of int)
        Of each member of the flow: columns that follow from those before, and their scores. If a
        member has no such order, of the latents of its base.
    exact : bool
        Whether members have such orders.
    steps : dict {int: float}
        Declared grids.
    n_rows : int
        Of the fit.
    """

    density: Any
    schema: Any
    cells: tuple
    ranges: np.ndarray
    deviations: np.ndarray
    orders: list
    exact: bool
    steps: dict
    n_rows: int

    @classmethod
    def read(cls, density, X):
        """Learn from the table that the density was fitted to.

        Raises
        ------
        TypeError
            If the density is not that of a single flow of numbers.
        ValueError
            If a column is on no decimal grid, or the flow cannot be coded.
        """
        _check_single_flow(density)
        schema = Schema.read(X)
        columns = schema.columns(X)
        cells = tuple(
            DecimalCells.read(column, column_label(j, schema.labels))
            for j, column in enumerate(columns)
        )
        codes = np.column_stack([c.encode(x, "X") for c, x in zip(cells, columns, strict=True)])
        ranges = np.stack([codes.min(axis=0), codes.max(axis=0)], axis=1)
        orders, exact = _orders(density, cells, codes[:TRIED])
        declared = getattr(density, "resolution", None)
        steps = resolve_resolution(declared, len(columns), schema.labels)
        deviations = codes.std(axis=0)
        return cls(density, schema, cells, ranges, deviations, orders, exact, steps, len(codes))

    @property
    def declared(self):
        """Columns whose grids are."""
        return tuple(j for j, step in self.steps.items() if step)

    def split(self, X):
        columns = self.checked_columns(X)
        pairs = enumerate(zip(self.cells, columns, strict=True))
        codes = np.column_stack(
            [cells.encode(column, self._label(j)) for j, (cells, column) in pairs]
        )
        for j in self.declared:
            _check_on_grid(self.cells[j], codes[:, j], self.steps[j], self._label(j), X)
        return codes, self._rows().holds(codes) & self.same_cells(columns, codes)

    def push_regular(self, stack, codes):
        self._rows().push(stack, codes)

    def pop_regular(self, stack, n):
        return self._rows().pop(stack, np.ones((n, len(self.schema)), dtype=bool))

    def log_prob_regular(self, codes):
        each = self._rows().log_prob(codes)
        return np.logaddexp.reduce(each, axis=0) - np.log(len(each))

    def _label(self, j):
        return column_label(j, self.schema.labels)

    def _rows(self):
        flows, observation = members_of(self.density), self.density.observation_
        if self.exact:
            return TriangularCells(flows, self.cells, observation, self.ranges, self.orders)
        return LocalRows(flows, self.orders, observation, self.cells, self.deviations)


def _check_on_grid(cells, codes, step, label, X):
    """Raise ValueError for numbers between those of a grid that is declared."""
    steps = codes * (cells.step / 10.0**cells.decimals / step)
    wrong = np.abs(steps - np.round(steps)) > CLOSE
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"{label} holds {cells.decode(codes[[row]])[0]!r} in {row_label(row, X)}, off the "
            f"grid of steps of {step!r} that is declared by resolution: round it."
        )


def _check_single_flow(density):
    observation = getattr(density, "observation_", None)
    if observation is None or not observation.continuous or observation.circles is not None:
        raise TypeError(
            f"{type(density).__name__} has no codes: pass a TableDensity, which takes integers "
            "and images of few levels as they are, or a flow's density of numbers, not periodic."
        )
    if getattr(density, "symmetry", None):
        raise TypeError(
            f"{type(density).__name__}(symmetry=...) has no codes: its density is one around the "
            "centre of mass, which rows cannot be read back from. Leave symmetry at None."
        )


def _orders(density, cells, codes):
    """Orders of the columns of each member, or else of its base, and whether it is the former."""
    flows, observation = members_of(density), density.observation_
    rows = np.column_stack([c.decode(own) for c, own in zip(cells, codes.T, strict=True)])
    steps = np.array([one.step / 10.0**one.decimals for one in cells])
    orders = [order_of(partial(normal_rows, f, observation), rows, steps) for f in flows]
    if None not in orders:
        return orders, True
    with torch.no_grad():
        latents = [f.to_noise(torch.from_numpy(observation.place(rows)[0]))[0] for f in flows]
        flows[0].from_noise(latents[0])  # raises, if there is no way back
    orders = [
        order_of(partial(normal_scores_of, f.base), z.numpy(), np.ones(len(cells)))
        for f, z in zip(flows, latents, strict=True)
    ]
    if None in orders:
        raise ValueError(
            f"{type(density).__name__} has no codes: neither its columns nor the latents of its "
            f"base, {type(flows[0].base).__name__}, follow one from the other. Take another "
            "density, such as TableDensity, MixtureFlowDensity or NSFDensity."
        )
    return orders, False
