"""Random mixtures that the tests of their distribution functions share."""

import torch


def mixture(k=5, n=40, seed=0, reach=3.0, spread=1.0):
    """Numbers x (n,), and log-weights, means and log-scales (k, 1) of a mixture."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    log_weight = torch.log_softmax(2 * normal(k, 1), 0)
    return reach * normal(n), log_weight, reach * normal(k, 1), spread * normal(k, 1)
