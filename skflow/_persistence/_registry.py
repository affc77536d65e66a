"""The classes that a file may name, and how objects of them are taken apart and put together."""

import inspect
import pkgutil
from functools import cache
from importlib import import_module

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.model_selection import KFold, LeaveOneOut, ShuffleSplit, TimeSeriesSplit
from sklearn.neighbors import BallTree, KDTree, KernelDensity
from sklearn.utils.metadata_routing import MetadataRequest
from torch import nn

from skflow._persistence import STORED
from skflow._persistence._laws import LAWS

__all__ = ["attributes_of", "classes", "name_of", "set_attributes"]

PACKAGE = __name__.partition(".")[0]
# what is for other packages needs these to be imported, and is none of what files hold
ADAPTERS = f"{PACKAGE}.adapters"
FOREIGN = (
    nn.ModuleList,
    nn.ParameterList,
    BayesianGaussianMixture,
    GaussianMixture,
    KernelDensity,
    KFold,
    LeaveOneOut,
    MetadataRequest,
    ShuffleSplit,
    TimeSeriesSplit,
    *LAWS,
)


@cache
def classes():
    """Classes that may be saved and built, by the names that files know them by.

    Those of the package are found by looking through it, so that no name in a file can lead to
    an import. They go by their own names, wherever in the package they live; others by the name
    of their package and their own.
    """
    found = {f"{cls.__module__.partition('.')[0]}.{cls.__name__}": cls for cls in FOREIGN}
    package = import_module(PACKAGE)
    for info in pkgutil.walk_packages(package.__path__, f"{PACKAGE}."):
        if info.name.startswith(ADAPTERS):
            continue
        for name, cls in inspect.getmembers(import_module(info.name), inspect.isclass):
            if cls.__module__ != info.name or not _may_be_stored(cls):
                continue
            if name in found:
                raise RuntimeError(f"files can tell one class {name}, {PACKAGE} has two")
            found[name] = cls
    return found


def _may_be_stored(cls):
    kinds = issubclass(cls, nn.Module | BaseEstimator) or cls in STORED
    return kinds and not inspect.isabstract(cls)


@cache
def _names():
    return {cls: name for name, cls in classes().items()}


def name_of(cls):
    """Name of a class in files, None if it may not be in them."""
    return _names().get(cls)


def attributes_of(obj):
    """Attributes of an object by name, all of them such that files can hold them."""
    take, _ = FOREIGN_STATE.get(type(obj), (None, None))
    if take is not None:
        return take(obj)
    return obj._saved_attributes() if hasattr(obj, "_saved_attributes") else vars(obj)


def set_attributes(obj, attributes, in_trees):
    """Give an object that no constructor has seen the attributes that it had.

    Ids of arrays that trees were grown from are added to the set ``in_trees``.
    """
    _, give = FOREIGN_STATE.get(type(obj), (None, None))
    if give is not None:
        give(obj, attributes, in_trees)
    else:
        vars(obj).update(attributes)


def _rows_of_tree(density):
    """Attributes of a kernel density with its rows in place of the tree that they are in."""
    attributes = dict(vars(density))
    tree = attributes.pop("tree_", None)
    if tree is not None:
        _check_metric(density.metric, density.metric_params)
        *_, weights = tree.__getstate__()  # the one way to them
        rows = tree.get_arrays()[0].copy()  # trees of the same table share it
        attributes |= {"rows_": rows, "weights_": weights}
    return attributes


def _check_metric(metric, params):
    """Refuse a metric of a tree that is, or is told to use, anything but names and numbers."""
    names = {*KDTree.valid_metrics, *BallTree.valid_metrics} - {"pyfunc"}
    if not (isinstance(metric, str) and metric in names):
        raise ValueError("the metric of a tree must be one of scikit-learn's, by its name")
    plain = params is None or _is_dict(params) and all(map(_is_numeric, params.values()))
    if not plain:
        raise ValueError("metric_params of a tree must be numbers or arrays of numbers")


def _is_numeric(value):
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "biuf"
    return value is None or isinstance(value, int | float | np.number)


def _grow_tree(density, attributes, in_trees):
    """Grow the tree again, which is the same for the same rows.

    An array serves one tree, so that the work is bounded by the size of the file.
    """
    fitted = {name: value for name, value in attributes.items() if name.endswith("_")}
    vars(density).update({k: v for k, v in attributes.items() if k not in fitted})
    if "rows_" in fitted:
        rows, weights = fitted.pop("rows_"), fitted.pop("weights_", None)
        _check_metric(density.metric, density.metric_params)
        if not (_is_table(rows, 2) and (weights is None or _is_table(weights, 1))):
            raise ValueError("rows and weights of a tree must be arrays of numbers")
        if id(rows) in in_trees:
            raise ValueError("two trees of one array")
        in_trees.add(id(rows))
        density.fit(rows, sample_weight=weights)
    vars(density).update(fitted)


def _is_table(value, n_axes):
    return isinstance(value, np.ndarray) and value.dtype == float and value.ndim == n_axes


def _is_dict(value):
    return isinstance(value, dict)


def _requests(request):
    """Which metadata each method asks for, as ``set_fit_request`` and its like noted it."""
    each = {name: dict(asked.requests) for name, asked in vars(request).items() if name != "owner"}
    return {"owner": request.owner, "requests": each}


def _note_requests(request, attributes, in_trees):
    requests = attributes["requests"]
    # a dict's own methods, not those that something else was given as attributes
    if not (_is_dict(requests) and all(map(_is_dict, requests.values()))):
        raise ValueError("requests of metadata must be dicts")
    request.__init__(attributes["owner"])
    for method, wanted in requests.items():
        for name, alias in wanted.items():
            getattr(request, method).add_request(param=name, alias=alias)


# how to take objects apart, and to put them together, whose attributes will not do
FOREIGN_STATE = {
    KernelDensity: (_rows_of_tree, _grow_tree),
    MetadataRequest: (_requests, _note_requests),
    **LAWS,
}
