"""One flow for many distributions: q(z | x) for all rows x of a context at once."""

__all__ = ["check_context", "conditional_draws", "conditional_log_density", "fit_amortized", "row_elbos"]
check_context = conditional_draws = conditional_log_density = fit_amortized = row_elbos = None
