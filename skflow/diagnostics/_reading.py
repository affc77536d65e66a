"""What all findings share: they read as one line."""

__all__ = ["Finding"]


class Finding:
    """Numbers with a one-line ``reading`` of them, which is what ``print`` shows."""

    def __str__(self):
        return self.reading
