"""Which members the API pages show, and asterisks of shapes as they are meant."""

import re
import sys

# (*members, n, d) is a shape: without a backslash reStructuredText sees emphasis that never ends
SHAPE = re.compile(r"(?<![\\*\w`])\*(?=\w+[,) ])")
HERE = "skflow"


def _written_here(function):
    """Whether the docstring that a method shows is ours, not that of a base class elsewhere."""
    if function.__doc__:
        return True
    owner, _, name = function.__qualname__.rpartition(".")
    cls = getattr(sys.modules[function.__module__], owner, object)
    shown = (vars(c)[name] for c in cls.__mro__ if name in vars(c) and vars(c)[name].__doc__)
    return getattr(next(shown, None), "__module__", HERE).startswith(HERE)


def skip_foreign(app, what, name, obj, skip, options):
    """Leave out of a class's page what it inherits from torch, scikit-learn or Python."""
    function = getattr(obj, "fget", obj)
    module = getattr(function, "__module__", None) or ""
    if skip or not module.startswith(HERE):
        return True
    return what == "class" and hasattr(function, "__code__") and not _written_here(function)


def escape_shapes(app, what, name, obj, options, lines):
    """Put a backslash before the asterisk of ``(*members, n)`` outside of literals."""
    for i, line in enumerate(lines):
        parts = line.split("``")
        parts[::2] = [SHAPE.sub(r"\\*", part) for part in parts[::2]]
        lines[i] = "``".join(parts)


def setup(app):
    """Connect the hooks, the second one after numpydoc's."""
    app.setup_extension("numpydoc")
    app.connect("autodoc-skip-member", skip_foreign)
    app.connect("autodoc-process-docstring", escape_shapes, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
