"""What the measures say together about one estimator: evidence, causes, comparisons."""
