"""A flow of each half of a row, trained together until both halves are jointly normal."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from skflow.estimators._trained import NetworkFlowDensity

__all__ = ["HalvesDensity", "behind_halves"]


@dataclass(kw_only=True, eq=False, repr=False)
class HalvesDensity(NetworkFlowDensity):
    r"""Density of rows (x, y) with a flow f of x and g of y that make the pair jointly normal.

    .. math:: p(x, y) = N\bigl(W (f(x), g(y)) + b; 0, 1\bigr)\, |\det W|\,
              |\det J_f(x)|\, |\det J_g(y)|

    As f and g are bijections, x and y tell each other what f(x) and g(y) do [1]_, and of normal
    halves that is known. Both maps are affine couplings with linear maps between them.

    Parameters
    ----------
    n_first : int
        Columns of x; the others are y's.

    References
    ----------
    .. [1] Butakov, Tolmachev, Malanchuk, Neopryatnaya & Frolov (2024), Mutual information
       estimation via normalizing flows, arXiv:2403.02187, sections 3 and 4.
    """

    n_first: int = 1
    base: str = "normal"
    n_members: int = 1

    _auto_layers: ClassVar[int] = 8
    _parameter_constraints: ClassVar[dict] = {
        **NetworkFlowDensity._parameter_constraints,
        "n_first": [int],
    }

    def _family(self):
        return replace(super()._family(), takes_context=False)

    def _build_bijection(self, plan):
        from skflow.architectures import coupling_stack
        from skflow.bijections import PLU, Affine, Chain
        from skflow.bijections._beside import Beside

        settings = self._layer_settings(plan)
        sizes = self.n_first, plan.n_features - self.n_first
        maps = [coupling_stack(size, Affine(), **settings) for size in sizes]
        return Chain([Beside(maps, sizes), PLU(plan.n_features)])


def behind_halves(density, X):
    """Rows X (n, d) behind the flows of the halves, (n, d), and the log-det of the way (n,)."""
    import torch

    from skflow.fitting._blocks import in_blocks

    flow = density.flow_
    ways = flow.bijection.bijections[0]

    def of_block(x):
        with torch.no_grad():
            u, outer = flow.preprocessing(torch.tensor(x))
            z, inner = ways(u.to(flow.dtype))
        return np.column_stack([z.double().numpy(), (outer + inner).double().numpy()])

    found = in_blocks(of_block, X, None, n_threads=1)
    return found[:, :-1], found[:, -1]
