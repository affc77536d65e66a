"""What a document says of each of its arrays, so that neither can be changed without the other.

The checksum tells accidents; who changes a file on purpose computes it anew. Arrays of another
shape or dtype than the estimator had, or with NaN where it had none, would show much later, as
errors of matrix products or as scores that are none.
"""

import numpy as np

from skflow._persistence._layout import insist

__all__ = ["FACTS", "check_facts", "check_shapes", "facts", "odd_values"]

FACTS = {"dtype", "shape", "not finite"}  # keys of a node beside the name of its array


def facts(array):
    """Describe an array: its dtype, its shape, and which values it has that are not finite."""
    said = {"dtype": array.dtype.name, "shape": list(array.shape)}
    odd = odd_values(array)
    return said | ({"not finite": odd} if odd else {})


def odd_values(array):
    """Which of "nan", "inf" and "-inf" an array holds."""
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return []
    found = {"nan": np.isnan(array), "inf": array == np.inf, "-inf": array == -np.inf}
    return [name for name, where in found.items() if where.any()]


def check_facts(name, node, array):
    """Refuse an array that is not what its node says."""
    has = facts(array)
    for what in ("shape", "dtype"):
        insist(
            node.get(what) == has[what],
            f"the array {name!r} has the {what} {has[what]}, and was saved with {node.get(what)}",
        )
    said = node.get("not finite", [])
    insist(type(said) is list, f"the array {name!r} is described in no known way")
    more = [value for value in has.get("not finite", []) if value not in said]
    insist(not more, f"the array {name!r} holds {', '.join(more)}, and had finite numbers there")


def check_shapes(module, nodes):
    """Refuse a module whose parts have not the shapes that its class says go together.

    ``nodes`` are those of its parts by name, whose arrays messages name.
    """
    sizes = {}
    for part, letters in getattr(type(module), "shapes", {}).items():
        tensor = module._parameters.get(part, module._buffers.get(part))
        if tensor is None:
            continue
        shape = tuple(tensor.shape)[-len(letters) :]
        fits = len(shape) == len(letters) and all(
            sizes.setdefault(letter, size) == size
            for letter, size in zip(letters, shape, strict=True)
        )
        node = nodes.get(part)
        name = next((node[kind] for kind in ("parameter", "tensor") if kind in node), part)
        insist(fits, f"the array {name!r} of shape {shape} does not fit those beside it")
