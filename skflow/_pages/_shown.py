"""What results that can be looked at have in common."""

from functools import singledispatch
from pathlib import Path

from skflow._pages._html import document, fragment
from skflow._types import FilePath

__all__ = ["ShownMixin", "page_of"]


@singledispatch
def page_of(result):
    """Return the Page of a result; rooms above register theirs, which know how to draw."""
    raise TypeError(f"there is no page of a {type(result).__name__}")


class ShownMixin:
    """Notebooks show the result with its pictures, and ``to_html`` writes it to a file."""

    def _repr_html_(self):
        return fragment(page_of(self))

    def to_html(self, path: FilePath) -> None:
        """Write the report to one HTML file that needs nothing else, no network either.

        The verdict comes first, then each check with its picture and what to do. It can be read
        on wide and narrow screens, light and dark, and is mailed as it is: pictures are inside.
        Mind that names of columns, and pictures of rows where there are some, are in it too.

        Parameters
        ----------
        path : str or path-like
            For instance "report.html"; a file that is there is written over.

        Raises
        ------
        ImportError
            Without matplotlib: ``pip install skflow[plots]``.
        OSError
            If the file cannot be written.
        """
        Path(path).write_text(document(page_of(self)), encoding="utf-8", errors="backslashreplace")
