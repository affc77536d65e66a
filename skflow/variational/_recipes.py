"""The flows of variational inference by name: from noise to the parameters of a model."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from skflow.architectures import autoregressive_stack, coupling_stack, low_rank_stack
from skflow.bijections import (
    Affine,
    Inverse,
    Planar,
    Radial,
    SinhArcsinh,
    Sylvester,
)
from skflow.bijections._elementwise import Composed

__all__ = ["RECIPES", "Recipe", "elementwise_map"]

# Posteriors of hierarchical models want scales that go with exp(v / 2) over many v, which a
# tight bound would bend; the whitened start and clipped steps keep stacks from blowing up.
MAX_LOG_SCALE = 10.0
WIDE = 12


@dataclass(frozen=True)
class Recipe:
    """How one kind of flow is built and trained.

    Attributes
    ----------
    build : callable
        ``(n_features, n_layers=, hidden_features=, n_context=)`` to a bijection from parameters
        to noise, which is run from noise to parameters. None for no layers.
    n_layers, n_layers_wide : int
        What "auto" is, and what it is above ``WIDE`` parameters if that differs.
    path_gradient : bool
        Whether it pays to score the draws again, for a gradient that loses its noise.
    slow : bool
        A draw takes as many passes as there are parameters.
    """

    build: Callable | None = None
    n_layers: int = 0
    n_layers_wide: int | None = None
    path_gradient: bool = False
    slow: bool = False

    def auto_layers(self, n_features):
        """Return the number of layers for so many parameters."""
        wide = n_features > WIDE and self.n_layers_wide is not None
        return self.n_layers_wide if wide else self.n_layers


def elementwise_map(n_features):
    """Affine given the other columns; a column alone can only be bent by a curve of its own."""
    affine = Affine(MAX_LOG_SCALE)
    return affine if n_features > 1 else Composed([affine, SinhArcsinh()])


def _coupling(n_features, **settings):
    return coupling_stack(n_features, elementwise_map(n_features), mixing="reverse", **settings)


def _maf(n_features, **settings):
    return autoregressive_stack(
        n_features, elementwise_map(n_features), mixing="reverse", **settings
    )


def _iaf(n_features, **settings):
    return Inverse(_maf(n_features, **settings))


def _low_rank(layer, n_features, n_layers, hidden_features, n_context):
    # the papers' layers lead from noise to parameters
    return Inverse(low_rank_stack(n_features, layer, n_layers=n_layers))


RECIPES = {
    "gaussian": Recipe(),
    "diagonal": Recipe(),
    # a path's gradient takes a pass for every parameter, but a third of the steps
    "iaf": Recipe(_iaf, 4, 2, path_gradient=True),
    "coupling": Recipe(_coupling, 8, path_gradient=True),
    "maf": Recipe(_maf, 4, 2, slow=True),
    "planar": Recipe(partial(_low_rank, Planar), 16),
    "radial": Recipe(partial(_low_rank, Radial), 16),
    "sylvester": Recipe(partial(_low_rank, Sylvester), 4),
    "equivariant": Recipe(None, 1),  # built for particles, see fit_particles
}
