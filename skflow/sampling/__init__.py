"""Draws of a density that is known up to a constant, and that constant; flows are not needed."""

from skflow.sampling._agreement import chain_figures
from skflow.sampling._asked import asked_of_torch, first_asked
from skflow.sampling._bridge import Bridged, bridge_evidence
from skflow.sampling._chains import Chains, run_chains
from skflow.sampling._exploring import Explored, explore
from skflow.sampling._normals import NormalMixture, fit_normals
from skflow.sampling._pool import PooledProposal, fit_shares
from skflow.sampling._population import Population, effective_number, shares_of
from skflow.sampling._slices import slice_moves
from skflow.sampling._tempering import Ends, Reached, tempered
from skflow.sampling._triangular import TriangularProposal, fit_triangular

__all__ = [
    "Bridged",
    "Chains",
    "Ends",
    "Explored",
    "NormalMixture",
    "PooledProposal",
    "Population",
    "Reached",
    "TriangularProposal",
    "asked_of_torch",
    "bridge_evidence",
    "chain_figures",
    "effective_number",
    "explore",
    "first_asked",
    "fit_normals",
    "fit_shares",
    "fit_triangular",
    "run_chains",
    "shares_of",
    "slice_moves",
    "tempered",
]
