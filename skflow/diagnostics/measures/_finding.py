"""What all findings share: they read as one line."""

__all__ = ["Finding"]


class Finding:
    """Numbers with a one-line ``reading`` of them, which is what ``print`` shows."""

    def __str__(self):
        return self.reading

    def __repr__(self):
        return f"{type(self).__name__}({self.reading!r})"
