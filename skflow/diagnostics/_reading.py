"""What all findings share: they read as one line, in which columns have names."""

__all__ = ["Finding", "check_names"]


class Finding:
    """Numbers with a one-line ``reading`` of them, which is what ``print`` shows."""

    def __str__(self):
        return self.reading

    def __repr__(self):
        return f"{type(self).__name__}({self.reading!r})"


def check_names(feature_names, n_features):
    """Return names of columns for a reading, as strings; by default their numbers."""
    names = [str(name) for name in (range(n_features) if feature_names is None else feature_names)]
    if len(names) != n_features:
        raise ValueError(f"expected {n_features} feature_names, got {len(names)}")
    return names
