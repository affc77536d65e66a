"""Lossless compression of tables by a density."""

import os
import tempfile
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils.validation import check_is_fitted

from skflow._checked import checks_parameters
from skflow._persistence import SaveMixin, load
from skflow._random import draw_seed
from skflow._types import Floats, RandomState, Rows, Table
from skflow.codes._container import Container, digest_of
from skflow.codes._literals import packed, unpacked
from skflow.estimators._contract import anew
from skflow.estimators.frames._density import TableDensity
from skflow.exceptions import CompressedDataError
from skflow.sources._whole import whole_table

__all__ = ["Compressor"]


@dataclass(kw_only=True, eq=False, repr=False)
class Compressor(SaveMixin, BaseEstimator):
    r"""Lossless compression of tables, images of few levels and mixed frames, by a density.

    A row takes :math:`-\log_2 P` bits, with the probability that a fitted density gives it, and
    comes back to the last bit: entropy coding by asymmetric numeral systems [1]_, of constriction.
    The better the density, the shorter the code.

    - A :class:`TableDensity` codes cell by cell, in one of its orders of the columns; which one,
      costs nothing, since the choice itself carries bits of other rows ("bits back" [2]_). Which
      cells are holes is coded first.
    - Of a flow whose columns follow one from the other (one layer of MADE, MAF, NAF or UMNN,
      a mixture), a cell has the mass that the flow's conditional distribution has in it.
    - Of any other flow that has an inverse, rows are coded by local bits-back coding [3]_, at
      the bound of uniform dequantization, with some 12 bits a column once.

    Floats are whole numbers of the last decimal that 19 of 20 in the fit have. A new level, and a
    row with a number far out or of more decimals, is kept as text.

    The code is read again by the same model, on the same kind of processor with the same version
    of torch. What cannot be read says so: a checksum of the rows is compared.

    Cost: that of ``density.fit``; to compress, that of scores twice; to decompress, likewise. Of
    local bits-back coding d backward passes a row, and few rows at a time where tables are short.

    Parameters
    ----------
    density : "auto" or estimator, default="auto"
        "auto" is :class:`TableDensity`. Or one with other settings, or a flow's density of
        numbers; it is cloned and fitted. A ``TableDensity`` takes floats for "decimal" where its
        ``kinds`` say nothing.
    random_state : int, RandomState instance or None, default=None
        Of "auto".

    Attributes
    ----------
    density_ : estimator
    code_ : TableCode or FlowCode
        How rows become symbols.
    fingerprint_ : str
        Of the weights, by which data of other models are told.

    References
    ----------
    .. [1] Duda (2009), Asymmetric numeral systems, arXiv:0902.0271.
    .. [2] Townsend, Bird & Barber (2019), Practical lossless compression with latent variables
       using bits back coding, arXiv:1901.04866.
    .. [3] Ho, Lohn & Abbeel (2019), Compression with flows via local bits-back coding,
       arXiv:1905.08500.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import Compressor, MixtureFlowDensity
    >>> X = load_iris().data
    >>> compressor = Compressor(density=MixtureFlowDensity(random_state=0)).fit(X)
    >>> data = compressor.compress(X)
    >>> bool((compressor.decompress(data) == X).all())
    True
    >>> len(data) < X.nbytes / 12
    True
    """

    density: Any = "auto"
    random_state: RandomState = None

    _parameter_constraints: ClassVar[dict] = {
        "density": [StrOptions({"auto"}), HasMethods(["fit", "score_samples"])],
        "random_state": ["random_state"],
    }

    @checks_parameters(prefer_skip_nested_validation=False)
    def fit(self, X: Rows, y: Any = None) -> Self:
        """Fit the density to rows like those that are to be compressed.

        Parameters
        ----------
        X : data frame or array of shape (n_samples, n_features)
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ImportError
            Without constriction: ``pip install "skflow[codes]"``.
        TypeError
            For a density that is neither a TableDensity nor one of a single flow.
        ValueError
            For floats on no grid of 15 decimals; for a flow that has no codes. What ``fit`` of
            the density raises.
        """
        from skflow.codes._flow_code import FlowCode
        from skflow.codes._stack import Stack
        from skflow.codes._table_code import TableCode, decimal_kinds

        Stack()  # that it is there, before a long fit
        X = whole_table(X, self)
        with anew(self) as draft:
            density = TableDensity(random_state=draw_seed(self.random_state))
            density = density if isinstance(self.density, str) else clone(self.density)
            if isinstance(density, TableDensity):
                kinds = density.kinds
                density.set_params(kinds=decimal_kinds(X, kinds)).fit(X)
                draft.code_ = TableCode.read(density, X, kinds)
            else:
                draft.code_ = FlowCode.read(density.fit(X), X)
            draft.density_ = density
            draft.fingerprint_ = _fingerprint(density)
        return self

    def compress(self, X: Table, include_model: bool = False) -> bytes:
        """Write rows as bytes.

        Parameters
        ----------
        X : data frame or array of shape (n_samples, n_features)
            Columns as in the fit, in any order of a frame. An index is not kept.
        include_model : bool, default=False
            Whether the fitted compressor travels with them, so that any other one reads them.

        Returns
        -------
        data : bytes

        Raises
        ------
        ValueError
            For numbers off a grid that is declared: by whole numbers in the fit, by ``kinds`` or
            ``resolution`` of the density. For an unseen cell that is neither a number, text, a
            truth value nor a time.
        """
        import torch

        from skflow.codes._stack import Stack

        check_is_fitted(self)
        codes, regular = self.code_.split(X)
        literals = packed(self.code_.literals(X, codes, regular))
        stack = Stack()
        self.code_.push(stack, codes, regular)
        return Container(
            n_rows=len(codes),
            digest=_digest(codes, regular, literals),
            fingerprint=bytes.fromhex(self.fingerprint_),
            torch_version=torch.__version__,
            literals=literals,
            model=self._model() if include_model else b"",
            stack=stack.to_bytes(),
        ).to_bytes()

    def decompress(self, data: bytes) -> Any:
        """Read rows that :meth:`compress` wrote.

        Parameters
        ----------
        data : bytes
            If the model is among them, the compressor needs no fit.

        Returns
        -------
        X : table
            Of the make, columns and dtypes of the fit.

        Raises
        ------
        CompressedDataError
            If these are other bytes, cut short or changed, written by another model or version,
            or by a machine that rounds otherwise. It is a ValueError.
        """
        container = Container.read(data)
        if container.model:
            return _loaded(container.model)._rows_of(container)
        check_is_fitted(self)
        return self._rows_of(container)

    def bits_per_row(self, X: Table) -> Floats:
        r"""Bits that rows take, :math:`-\log_2 P`, without those around all rows.

        Parameters
        ----------
        X : data frame or array of shape (n_samples, n_features)

        Returns
        -------
        bits : ndarray of shape (n_samples,)
            By local bits-back coding, those at the middles of the cells. Of cells kept as text
            those of the text before it is packed.
        """
        check_is_fitted(self)
        codes, regular = self.code_.split(X)
        bits = -self.code_.log_prob(codes, regular) / np.log(2)
        kept = self.code_.kept_as_text(codes, regular)
        for cells, at in zip(self.code_.literals(X, codes, regular), kept.T, strict=False):
            bits[at] += 8 * np.array([len(str(cell)) for cell in cells])
        return bits

    def sizes(self, data: bytes) -> dict[str, Any]:
        """Say what bytes that :meth:`compress` wrote are made of.

        Parameters
        ----------
        data : bytes

        Returns
        -------
        sizes : dict
            Bytes of "rows", of cells as "text", of the "model" and of all "else", and "n_rows".
        """
        container = Container.read(data)
        parts = {"rows": container.stack, "text": container.literals, "model": container.model}
        sizes = {name: len(part) for name, part in parts.items()}
        return {**sizes, "else": len(data) - sum(sizes.values()), "n_rows": container.n_rows}

    def _rows_of(self, container):
        import torch

        from skflow.codes._stack import Stack

        if container.fingerprint.hex() != self.fingerprint_:
            raise CompressedDataError(
                "the data were written by a compressor with another model: read them by that "
                "one, or write them with include_model=True."
            )
        try:
            codes, regular = self.code_.pop(Stack(container.stack), container.n_rows)
            whole = _digest(codes, regular, container.literals) == container.digest
        except (ArithmeticError, IndexError, ValueError):  # of nonsense instead of rows
            whole = False
        if not whole:
            raise CompressedDataError(
                "what was read is not what was written: that was with torch "
                f"{container.torch_version}, and this is torch {torch.__version__}, or the "
                "processors round differently. Read the data where they were written."
            )
        return self.code_.table(codes, regular, unpacked(container.literals))

    def _model(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model")
            self.save(path)
            with open(path, "rb") as file:
                return file.read()


def _loaded(model):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model")
        with open(path, "wb") as file:
            file.write(model)
        return load(path)


def _fingerprint(density):
    from skflow._persistence._encode import encode

    _, arrays = encode(density)
    ordered = (np.ascontiguousarray(array) for _, array in sorted(arrays.items()))
    return digest_of(*(array.tobytes() for array in ordered)).hex()


def _digest(codes, regular, literals):
    codes = np.where(regular[:, None] & ~np.isnan(codes), codes, np.nan)  # one kind of NaN
    return digest_of(codes.tobytes(), literals)
