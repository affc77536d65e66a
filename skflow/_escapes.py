"""Words of others in messages: what a terminal would obey is spelled out."""

__all__ = ["escaped"]

MOST = 2_000  # characters of a message that holds words of others


def escaped(text, most=MOST):
    r"""Text whose characters can all be printed, the others as escapes such as ``\x1b``.

    Line feeds stay, since messages may have lines. What is longer than ``most`` is cut, so that
    an error is no larger than an error should be.
    """
    text = str(text)
    more = "" if len(text) <= most else f"... ({len(text) - most:,} more characters)"
    return "".join(c if c == "\n" or c.isprintable() else _escape(c) for c in text[:most]) + more


def _escape(character):
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")
