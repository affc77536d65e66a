"""From a document and its arrays to an estimator, believing nothing that they say.

Objects are made by ``__new__`` and given attributes that are data; no function named in a file and
no object in it is ever called. Of the classes' own code, these run: ``__init__`` of ``nn.Module``
and MetadataRequest, and ``fit`` of KernelDensity, which grows its tree again from rows, with a
metric that is one of scikit-learn's names (:mod:`skflow._persistence._registry`).
"""

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch
from torch import nn

from skflow._persistence import SaveMixin
from skflow._persistence._facts import FACTS, check_facts, check_shapes, odd_values
from skflow._persistence._layout import (
    can_name_part,
    insist,
    may_have_holes,
    settable,
    wastes_memory,
)
from skflow._persistence._registry import classes, set_attributes
from skflow._persistence._times import read_time
from skflow.exceptions import ModelFileError

__all__ = ["decode"]

KINDS: dict[str, list] = {
    "bool": [""],
    "int": [8, 16, 32, 64],
    "uint": [8, 16, 32, 64],
    "float": [16, 32, 64],
}
SCALARS = {
    f"{kind}{bits}": np.dtype(f"{kind}{bits}") for kind, sizes in KINDS.items() for bits in sizes
}
OBJECT = {"class", "id", "attributes"}
MODULE = OBJECT | {"training", "transient", "parameters", "buffers", "modules"}


def decode(document, arrays, device=None):
    """Put together the estimator that :func:`skflow._persistence._encode.encode` took apart."""
    decoder = _Decoder(arrays)
    try:
        estimator = decoder.value(document)
        decoder.finish(estimator)
    except ModelFileError:
        raise
    except Exception as error:  # whatever a malformed document leads to, it is that
        raise ModelFileError(f"the file is malformed: {type(error).__name__}: {error}") from error
    if device is not None:
        for obj in decoder.objects.values():
            if isinstance(obj, BaseEstimator) and "device" in vars(obj):
                obj.device = device
    return estimator


class _Decoder:
    def __init__(self, arrays):
        self.arrays = arrays
        self.objects = {}
        self.tensors = {}
        self.in_trees = set()
        self.in_states = set()  # names of arrays that random states were made of
        self.odd = {}
        self.unfinished = set()  # modules whose parts are being read

    def value(self, node):
        if node is None or type(node) in (bool, int, float, str):
            return node
        if type(node) is list:
            return [self.value(item) for item in node]
        insist(type(node) is dict, "a value is of no known kind")
        for key, (others, reader) in self.READERS.items():
            if key in node:
                insist(set(node) - {key} <= others, f"unknown keys beside {key!r}: {sorted(node)}")
                return reader(self, node)
        raise ModelFileError(f"the file is malformed: unknown keys {sorted(node)[:5]}.")

    def finish(self, estimator):
        """Check that the whole is an estimator with all its parameters, and no part is left."""
        insist(isinstance(estimator, SaveMixin), "it holds no estimator of skflow")
        for obj in self.objects.values():
            if isinstance(obj, BaseEstimator):
                missing = set(obj._get_param_names()) - set(vars(obj))
                insist(not missing, f"{type(obj).__name__} lacks {sorted(missing)}")
        insist({name for name, *_ in self.tensors} == set(self.arrays), "unused arrays")

    def _object(self, node):
        name, number = node["class"], node["id"]
        cls = classes().get(name) if type(name) is str else None
        insist(cls is not None, f"{name!r} is no class that a file may hold")
        module = issubclass(cls, nn.Module)
        insist(set(node) == (MODULE if module else OBJECT), f"a {name} has wrong keys")
        insist(type(number) is int and number not in self.objects, "an object's id is wrong")
        obj = self.objects[number] = cls.__new__(cls)
        if module:
            self.unfinished.add(number)
            nn.Module.__init__(obj)
            self._module(obj, node)
        attributes = _dict(node["attributes"])
        for key in attributes:
            insist(settable(cls, key), f"{name} has no attribute {key!r} to set")
        set_attributes(obj, self._fields(attributes), self.in_trees)
        self.unfinished.discard(number)
        return obj

    def _module(self, module, node):
        insist(type(node["training"]) is bool, "training is true or false")
        module.training = node["training"]
        kinds = {"parameters": nn.Parameter, "buffers": torch.Tensor, "modules": nn.Module}
        for group, kind in kinds.items():
            fields = self._fields(_dict(node[group]))
            for name, part in fields.items():
                fits = isinstance(part, kind) or part is None
                insist(fits, f"{name!r} is not one of the {group}")
                free = can_name_part(type(module), name)
                insist(free, f"{name!r} cannot name one of the {group}")
                if group == "buffers" and isinstance(part, torch.Tensor):
                    own = _name_of(node[group][name])
                    sound = "nan" not in self._odd(own) or may_have_holes(type(module), name)
                    insist(sound, f"the buffer {own!r} holds nan")
            getattr(module, f"_{group}").update(fields)
        check_shapes(module, node["parameters"] | node["buffers"])
        transient = node["transient"]
        names = type(transient) is list and all(type(name) is str for name in transient)
        insist(names and set(transient) <= set(module._buffers), "transient names buffers")
        module._non_persistent_buffers_set.update(transient)

    def _fields(self, fields):
        return {name: self.value(node) for name, node in _dict(fields).items()}

    def _reference(self, node):
        number = node["ref"]
        insist(type(number) is int and number in self.objects, f"no object {number!r} yet")
        insist(number not in self.unfinished, f"module {number} contains itself")
        return self.objects[number]

    def _float(self, node):
        insist(node["float"] in ("nan", "inf", "-inf"), "not a number in words")
        return float(node["float"])

    def _scalar(self, node):
        dtype, value = SCALARS[node["dtype"]], self.value(node["scalar"])
        insist(type(value) in (bool, int, float), "a scalar is no number")
        return dtype.type(value)

    def _tuple(self, node):
        return tuple(self.value(_list(node["tuple"])))

    def _mapping(self, node):
        return self._fields(node["dict"])

    def _bunch(self, node):
        return Bunch(**self._fields(node["bunch"]))

    def _pairs(self, node):
        pairs = [_list(pair) for pair in _list(node["pairs"])]
        insist(all(len(pair) == 2 for pair in pairs), "a pair is not one of two")
        return {self.value(key): self.value(value) for key, value in pairs}

    def _random_state(self, node):
        name, key, *rest = _list(node["random state"])
        numbers = all(type(number) in (int, float) for number in rest)
        insist(name == "MT19937" and len(rest) == 3 and numbers, "not a random state")
        own = _dict(key).get("array")
        # states are larger than what names them: each has an array of its own in the file
        insist(type(own) is str and own not in self.in_states, "two random states of one array")
        self.in_states.add(own)
        state = np.random.RandomState()
        state.set_state((name, self.value(key), *rest))
        insist(0 <= rest[0] <= 624, "not a random state")
        return state

    def _strings(self, node):
        strings, dtype = _list(node["strings"]), node["dtype"]
        insist(all(type(s) is str for s in strings) and dtype in ("object", "str"), "no strings")
        shape = _list(node["shape"])
        insist(all(type(size) is int and size >= 0 for size in shape), "not a shape")
        wasted = dtype == "str" and wastes_memory(strings)
        insist(not wasted, "an array of strings would take far more memory than they do")
        return np.array(strings, dtype=object if dtype == "object" else str).reshape(shape)

    def _time(self, node):
        return read_time(_list(node["time"]))

    def _array(self, node):
        return self._part(node, "array", _own_array)

    def _tensor(self, node):
        return self._part(node, "tensor", _own_tensor)

    def _parameter(self, node):
        trained = node["trained"]
        insist(type(trained) is bool, "trained is true or false")
        odd = self._odd(_name_of(node, "parameter"))
        insist(not odd, f"the weights {node['parameter']!r} hold {', '.join(odd)}")
        return self._part(
            node,
            "parameter",
            lambda array: nn.Parameter(_own_tensor(array), requires_grad=trained),
        )

    def _part(self, node, kind, convert):
        """Make an array or a tensor, the same one wherever it is named."""
        name, axes = node[kind], node.get("axes")
        insist(type(name) is str and name in self.arrays, f"there is no array {name!r}")
        key = name, kind
        if key not in self.tensors:
            array = self.arrays[name]
            check_facts(name, node, array)
            if axes is not None:
                whole = sorted(_list(axes)) == list(range(array.ndim))
                insist(whole, f"{axes!r} is no order of the axes of {name!r}")
                array = array.transpose(np.argsort(axes))
            self.tensors[key] = convert(array)
        return self.tensors[key]

    def _odd(self, name):
        """Which values of an array are not finite; each is looked through once."""
        if name not in self.odd:
            self.odd[name] = odd_values(self.arrays[name]) if name in self.arrays else []
        return self.odd[name]

    READERS = {
        "class": (MODULE, _object),
        "ref": (set(), _reference),
        "float": (set(), _float),
        "scalar": ({"dtype"}, _scalar),
        "tuple": (set(), _tuple),
        "dict": (set(), _mapping),
        "bunch": (set(), _bunch),
        "pairs": (set(), _pairs),
        "random state": (set(), _random_state),
        "strings": ({"shape", "dtype"}, _strings),
        "time": (set(), _time),
        "array": (FACTS | {"axes"}, _array),
        "tensor": (FACTS | {"axes"}, _tensor),
        "parameter": (FACTS | {"trained", "axes"}, _parameter),
    }


def _own_array(array):
    """Copy what lies in the file's bytes, with its axes in the same order in memory."""
    return array.copy(order="K")


def _own_tensor(array):
    return torch.from_numpy(array.copy(order="K")).clone()


def _name_of(node, kind="tensor"):
    """Name of the array of a node, None if it is no such node."""
    name = node.get(kind) if type(node) is dict else None
    return name if type(name) is str else None


def _dict(node):
    insist(type(node) is dict, "a dict was expected")
    return node


def _list(node):
    insist(type(node) is list, "a list was expected")
    return node
