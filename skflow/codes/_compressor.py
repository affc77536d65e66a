"""Lossless compression of tables by a density."""

import os
import tempfile
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils.validation import check_is_fitted

from skflow._persistence import SaveMixin, load
from skflow.codes._container import Container, digest_of
from skflow.codes._literals import packed, unpacked
from skflow.codes._stack import Stack
from skflow.codes._table_code import TableCode, decimal_kinds
from skflow.estimators._contract import anew
from skflow.estimators.frames._density import TableDensity
from skflow.exceptions import CompressedDataError

__all__ = ["Compressor"]


@dataclass(kw_only=True, eq=False, repr=False)
class Compressor(SaveMixin, BaseEstimator):
    density: Any = "auto"
    random_state: Any = None

    _parameter_constraints: ClassVar[dict] = {
        "density": [StrOptions({"auto"}), HasMethods(["fit", "score_samples"])],
        "random_state": ["random_state"],
    }

    def fit(self, X, y=None):
        self._validate_params()
        with anew(self) as draft:
            density = TableDensity(random_state=self.random_state)
            density = density if self.density == "auto" else clone(self.density)
            density.set_params(kinds=decimal_kinds(X, density.kinds))
            draft.density_ = density.fit(X)
            draft.code_ = TableCode.read(density, X)
        return self

    def compress(self, X, include_model=False):
        import torch

        check_is_fitted(self)
        codes, regular = self.code_.split(X)
        literals = self.code_.literals(X, regular)
        stack = Stack()
        self.code_.push(stack, codes, regular)
        literals = packed(literals)
        return Container(
            len(codes),
            _digest(codes, regular, literals),
            self._fingerprint(),
            torch.__version__,
            literals,
            self._model() if include_model else b"",
            stack.to_bytes(),
        ).to_bytes()

    def decompress(self, data):
        container = Container.read(data)
        if container.model:
            return _loaded(container.model)._decompress(container)
        check_is_fitted(self)
        return self._decompress(container)

    def _decompress(self, container):
        import torch

        if container.fingerprint != self._fingerprint():
            raise CompressedDataError("the data were written by another model: pass them to the compressor that wrote them, or write them with include_model=True.")
        stack = Stack(container.stack)
        codes, regular = self.code_.pop(stack, container.n_rows)
        if _digest(codes, regular, container.literals) != container.digest:
            raise CompressedDataError(
                f"the rows are not those that were written: they were with torch {container.torch_version}, this is torch {torch.__version__}. Another processor or version rounds differently."
            )
        return self.code_.table(codes, regular, unpacked(container.literals))

    def bits_per_row(self, X):
        check_is_fitted(self)
        codes, regular = self.code_.split(X)
        bits = -self.code_.log_prob(codes, regular) / np.log(2)
        bits[~regular] += 8 * np.array([len(str(r)) for r in self.code_.literals(X, regular)])
        return bits

    def _fingerprint(self):
        from skflow._persistence._encode import encode

        _, arrays = encode(self.density_)
        return digest_of(*(np.ascontiguousarray(a).tobytes() for _, a in sorted(arrays.items())), size=4)

    def _model(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.safetensors")
            self.save(path)
            with open(path, "rb") as file:
                return file.read()


def _loaded(model):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.safetensors")
        with open(path, "wb") as file:
            file.write(model)
        return load(path)


def _digest(codes, regular, literals):
    codes = np.where(np.isnan(codes), np.nan, codes)
    codes[~regular] = np.nan
    return digest_of(codes.tobytes(), literals)
