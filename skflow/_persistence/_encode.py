"""From an estimator to a JSON document and the arrays that it names."""

import math
import pathlib

import numpy as np
import torch
from sklearn.utils import Bunch
from torch import nn

from skflow._escapes import escaped
from skflow._persistence import SaveMixin
from skflow._persistence._facts import facts
from skflow._persistence._layout import (
    MODULE_STATE,
    can_name_part,
    dense_axes,
    may_have_holes,
    settable,
    wastes_memory,
)
from skflow._persistence._registry import attributes_of, name_of
from skflow._persistence._times import time_words

__all__ = ["encode"]

PLAIN = (type(None), bool, int, str)

INSTEAD = "keep the whole with joblib.dump, whose files run code when loaded."
UNKNOWN = (
    "files hold numbers, strings, arrays and what skflow and a few density estimators of "
    "scikit-learn (KernelDensity, GaussianMixture, BayesianGaussianMixture) are made of, and "
    f"never code. Leave it out, or {INSTEAD}"
)
ELSEWHERE = (
    "subclasses of skflow's estimators that are defined elsewhere are code, which files never "
    f"hold: {INSTEAD}"
)
LABELS = (
    "of labels, which name columns and levels, files hold text, numbers, and times that are in "
    "UTC or of no zone. Make text of them, by df.columns = df.columns.map(str) or "
    f"df[column].astype(str), and fit again; or {INSTEAD}"
)
LABELLED = ("pandas", "datetime", "decimal", "fractions", "uuid", "enum", "zoneinfo", "polars")
PADDED = (
    "an array of strings keeps room for the longest in all places, here far more than all hold. "
    "Make objects of them, by .astype(object)."
)
WEIGHTS = "weights must be finite: fit again, with a lower learning_rate or without odd rows."
HIDDEN = f"its class has something else of that name, or keeps such names. Rename it, or {INSTEAD}"


def encode(estimator):
    """Take an estimator apart.

    Returns
    -------
    document : dict
        What JSON can hold: nested nodes, each a plain value, a list, or a dict with a key that
        says what it is.
    arrays : dict {str: ndarray}
        Contiguous, by names that the document refers to.
    """
    encoder = _Encoder()
    try:
        document = encoder.node(estimator, "")
    except RecursionError:
        raise TypeError(
            f"{type(estimator).__name__} cannot be saved: lists in it are nested too deep "
            "or contain themselves."
        ) from None
    return document, encoder.arrays


class _Encoder:
    def __init__(self):
        self.arrays = {}
        self.objects = {}  # id: (number, object); objects are kept so that ids stay theirs
        self.tensors = {}  # likewise
        self.unfinished = set()  # ids of modules whose parts are being written

    def node(self, value, path):
        kind = type(value)
        if kind in PLAIN or (kind is float and math.isfinite(value)):
            return value
        writer = self.WRITERS.get(kind)
        if writer is not None:
            return writer(self, value, path)
        words = time_words(value)
        if words is not None:
            return {"time": words}
        if isinstance(value, np.generic):
            return self._scalar(value, path)
        if name_of(kind) is None:
            raise _cannot_save(value, path)
        if id(value) in self.objects:
            if id(value) in self.unfinished:
                raise _cannot_save(value, path, f"it contains itself; {INSTEAD}")
            return {"ref": self.objects[id(value)][0]}
        return self._object(value, path)

    def _object(self, value, path):
        number = len(self.objects)
        self.objects[id(value)] = number, value
        node = {"class": name_of(type(value)), "id": number}
        try:
            attributes = attributes_of(value)
        except ValueError as error:
            raise _cannot_save(value, path, f"{error}; {INSTEAD}") from None
        if isinstance(value, nn.Module):
            self.unfinished.add(id(value))
            node |= self._module(value, path)
            attributes = {k: v for k, v in attributes.items() if k not in MODULE_STATE}
        _check_names(value, attributes, settable, path)
        node["attributes"] = self._fields(attributes, path)
        self.unfinished.discard(id(value))
        return node

    def _module(self, module, path):
        hooks = [k for k, v in vars(module).items() if k.endswith("_hooks") and v]
        if hooks:
            raise TypeError(
                f"{escaped(path)} has hooks, which are code and cannot be saved: remove them."
            )
        for group in (module._parameters, module._buffers, module._modules):
            _check_names(module, group, can_name_part, path)
        buffers = self._fields(module._buffers, path)
        for name, node in buffers.items():
            holes = node is not None and "nan" in node.get("not finite", ())
            if holes and not may_have_holes(type(module), name):
                raise _cannot_save(module._buffers[name], _join(path, name), WEIGHTS)
        return {
            "training": module.training,
            "transient": sorted(module._non_persistent_buffers_set),
            "parameters": self._fields(module._parameters, path),
            "buffers": buffers,
            "modules": self._fields(module._modules, path),
        }

    def _fields(self, fields, path):
        return {name: self.node(value, _join(path, name)) for name, value in fields.items()}

    def _str(self, value, path):
        return str(value)

    def _float(self, value, path):
        return {"float": repr(value)}

    def _scalar(self, value, path):
        if value.dtype.kind not in "biuf" or value.dtype.itemsize > 8:
            raise _cannot_save(value, path)
        return {"scalar": self.node(value.item(), path), "dtype": value.dtype.name}

    def _list(self, value, path):
        return [self.node(item, _join(path, i)) for i, item in enumerate(value)]

    def _tuple(self, value, path):
        return {"tuple": self._list(value, path)}

    def _dict(self, value, path):
        if all(type(key) is str for key in value):
            return {"dict": self._fields(value, path)}
        pairs = [
            [self.node(key, f"{path}'s key"), self.node(item, _join(path, key))]
            for key, item in value.items()
        ]
        return {"pairs": pairs}

    def _bunch(self, value, path):
        return {"bunch": self._fields(value, path)}

    def _random_state(self, value, path):
        name, key, *rest = value.get_state(legacy=True)
        return {"random state": [name, self.node(key, path), *rest]}

    def _array(self, value, path):
        if value.dtype.kind in "OU":
            flat = value.ravel().tolist()
            if not all(type(item) in (str, np.str_) for item in flat):
                raise _cannot_save(value, path)
            dtype = "object" if value.dtype.kind == "O" else "str"
            if dtype == "str" and wastes_memory(flat):
                raise _cannot_save(value, path, PADDED)
            return {
                "strings": [str(item) for item in flat],
                "shape": list(value.shape),
                "dtype": dtype,
            }
        if value.dtype.kind not in "biuf" or value.dtype.itemsize > 8:
            raise _cannot_save(value, path)
        return {"array": self._store(value, value, path)} | self._facts(value, value.strides)

    def _tensor(self, value, path):
        data = value.detach().cpu()
        if data.is_complex() or data.is_quantized or data.dtype is torch.bfloat16:
            raise _cannot_save(value, path)
        name = self._store(value, data.numpy(), path)
        return {"tensor": name} | self._facts(data.numpy(), data.stride())

    def _parameter(self, value, path):
        node = self._tensor(value, path)
        if "not finite" in node:
            raise _cannot_save(value, path, WEIGHTS)
        return {"parameter": node.pop("tensor"), "trained": value.requires_grad, **node}

    def _facts(self, array, strides):
        """Describe an array as it is stored, and the order that its axes had in memory."""
        axes = dense_axes(array.shape, strides)
        if axes is None:
            return facts(array)
        return facts(array.transpose(axes)) | {"axes": axes}

    def _store(self, owner, array, path):
        """Keep an array, once for each owner, and return its name."""
        if id(owner) in self.tensors:
            return self.tensors[id(owner)][0]
        name = path
        while name in self.arrays:
            name += "'"
        axes = dense_axes(array.shape, array.strides)
        ordered = array if axes is None else array.transpose(axes)
        self.arrays[name] = np.array(ordered, order="C")
        self.tensors[id(owner)] = name, owner
        return name

    WRITERS = {
        np.str_: _str,
        pathlib.PosixPath: _str,
        pathlib.WindowsPath: _str,
        float: _float,
        list: _list,
        tuple: _tuple,
        dict: _dict,
        Bunch: _bunch,
        np.ndarray: _array,
        np.random.RandomState: _random_state,
        torch.Tensor: _tensor,
        nn.Parameter: _parameter,
    }


def _join(path, name):
    return f"{path}.{name}" if path else str(name)


def _check_names(owner, names, allowed, path):
    """Refuse attributes that :func:`skflow.load` would refuse to set."""
    cls = type(owner)
    for name in names:
        if not allowed(cls, name):
            place = f"{escaped(_join(path, name))}, an attribute of a {cls.__name__},"
            raise TypeError(f"{place} cannot be saved: {HIDDEN}")


def _cannot_save(value, path, why=UNKNOWN):
    kind = type(value)
    if isinstance(value, SaveMixin) and name_of(kind) is None:
        why = ELSEWHERE
    elif why is UNKNOWN and kind.__module__.partition(".")[0] in LABELLED:
        why = LABELS
    what = f"a {kind.__module__}.{kind.__qualname__}"
    where = f"{escaped(path)}, {what}," if path else what
    return TypeError(f"{where} cannot be saved: {why}")
