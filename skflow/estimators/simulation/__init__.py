"""Posteriors of the parameters of a simulator, learnt from its simulations."""
