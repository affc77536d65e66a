"""What all findings share: they read as one line."""

__all__ = ["Finding", "shown_p"]


class Finding:
    """Numbers with a one-line ``reading`` of them, which is what ``print`` shows."""

    def __str__(self):
        return self.reading

    def __repr__(self):
        return f"{type(self).__name__}({self.reading!r})"


def shown_p(p_value):
    """Return a p-value as a reading shows it."""
    return "p < 0.001" if p_value < 1e-3 else f"p = {p_value:.3f}"
