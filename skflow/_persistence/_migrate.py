"""From documents of older formats to those of the next one, node by node.

Nothing that a document says is believed here either: nodes that are not as ``save`` wrote them
stay as they are, for the decoder to refuse.
"""

from skflow._persistence._facts import facts
from skflow._persistence._layout import insist

__all__ = ["to_format_2", "to_format_3", "to_newest"]

# parameters that formats 1 and 2 did not have, with what estimators did without them
NEW_PARAMETERS = {
    "FlowOutlierDetector": {"verbose": 0},
    "ContinuousFlowDensity": {"symmetry": None},
    "FlowVariationalApproximator": {"feature_names": None, "symmetry": None},
}
# and that format 1 did not have
NEW_IN_FORMAT_2 = {
    "FlowOutlierDetector": {"max_seconds": None},
    "KernelFlowDensity": {"max_seconds": None, "background": False},
    "LinearFlowDensity": {"max_seconds": None},
    "MixtureFlowDensity": {"max_seconds": None},
    "NAFDensity": {"order": "natural"},
    "UMNNDensity": {"order": "natural"},
}
# and those that came to all densities of tables
OF_TABLES = {"resolution": None, "periodic": None, "n_jobs": None, "context_columns": None}
# and to all densities that are trained
OF_TRAINED = {"checkpoint": None}
# and that came since: a parameter more is no new format
NEWEST = {
    "Blend": {"width": 1.0},
    "ContinuousFlowDensity": {"likelihood_epochs": 0},
    "Neighbours": {"reaches": [0.1, 0.35], "widths": [0.02, 0.06, 0.2]},
    "PooledKernels": {"tails": 0.0},
}
BOUNDS = ("low", "high", "low_at", "high_at")


def to_format_2(document, arrays):
    """Gather what a fit knew of its table, which lay beside the flow, into one observation."""
    objects = list(_objects(document))
    numbers = [node["id"] for node in objects if type(node.get("id")) is int]
    free = max(numbers, default=0) + 1
    room = sum(array.size for array in arrays.values())  # for ties of columns, which have bounds
    for node in objects:
        attributes = node["attributes"]
        _add(_new_in_format_2(node), attributes)
        if _is_tuple(attributes.get("support_bounds_"), len(BOUNDS)):
            room -= _count(attributes.get("n_features_in_"))
            insist(room >= 0, "it tells of more columns than it has numbers")
            node["attributes"] = _observed(attributes, free)
            free += 2
    return document, arrays


def to_format_3(document, arrays):
    """Say of each array what it is, in the nodes that name it, and of parameters that are new."""
    for node in _objects(document):
        _add(_new_in_format_3(node), node["attributes"])
    found = {}  # one array may be named in many places
    for node in _dicts(document):
        for kind in ("array", "tensor", "parameter"):
            name = node.get(kind)
            if type(name) is str and name in arrays:
                if name not in found:
                    found[name] = facts(arrays[name])
                node |= found[name]
    return document, arrays


def to_newest(document):
    """Say of parameters that came after a file of this format, what there was without them."""
    for node in _objects(document):
        _add(NEWEST.get(node["class"], {}), node["attributes"])
    return document


def _add(parameters, attributes):
    attributes |= {name: value for name, value in parameters.items() if name not in attributes}


def _new_in_format_2(node):
    """Return what an estimator of format 1 lacks; densities of tables are those with bounds."""
    name = node["class"]
    of_table = name.endswith("Density") and "support" in node["attributes"]
    return NEW_IN_FORMAT_2.get(name, {}) | (OF_TABLES if of_table else {})


def _new_in_format_3(node):
    """Return what an estimator of formats 1 and 2 lacks; trained ones can be started warm."""
    name = node["class"]
    trained = name.endswith("Density") and "warm_start" in node["attributes"]
    return NEW_PARAMETERS.get(name, {}) | (OF_TRAINED if trained else {})


def _objects(document):
    """Every node that describes an object of a class, however deep."""
    for node in _dicts(document):
        if type(node.get("class")) is str and type(node.get("attributes")) is dict:
            yield node


def _dicts(document):
    stack = [document]
    while stack:
        node = stack.pop()
        if type(node) is dict:
            yield node
            stack.extend(node.values())
        elif type(node) is list:
            stack.extend(node)


def _observed(attributes, number):
    """Attributes with ``observation_`` in the place of what it holds now."""
    levels = _levels(attributes)
    if levels is None:
        observation = _continuous(attributes, number)
    else:
        variational = attributes.get("dequantization") == "variational"
        shape = attributes.get("image_shape") if variational else None
        fields = {
            "n_levels": levels,
            "n_features": attributes.get("n_features_in_"),
            "noise_shape": shape,
        }
        observation = {"class": "IntegerRows", "id": number, "attributes": fields}
    # in the place of the ties, to which nodes further on may refer
    place = "_ties" if "_ties" in attributes and levels is None else "support_bounds_"
    moved = {}
    for name, value in attributes.items():
        if name not in ("_ties", "_fitted_to"):
            moved[name] = value
        if name == place:
            moved["observation_"] = observation
    return moved


def _levels(attributes):
    """Return the levels of the fit, which the parameter may no longer say."""
    fitted_to = attributes.get("_fitted_to")
    return fitted_to["tuple"][0] if _is_tuple(fitted_to, 2) else None


def _continuous(attributes, number):
    bounds = dict(zip(BOUNDS, attributes["support_bounds_"]["tuple"], strict=True))
    ties = attributes.get("_ties")
    if ties is None:
        nothing = {"tuple": [None] * _count(attributes.get("n_features_in_"))}
        ties = {"class": "Ties", "id": number + 1, "attributes": {"columns": nothing}}
    return {"class": "ContinuousRows", "id": number, "attributes": {**bounds, "ties": ties}}


def _count(value):
    return value if type(value) is int and 0 <= value < 1_000_000 else 0


def _is_tuple(node, length):
    parts = node.get("tuple") if type(node) is dict else None
    return type(parts) is list and len(parts) == length
