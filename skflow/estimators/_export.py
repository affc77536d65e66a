"""A fitted flow as a file that torch runs without this package."""

import os
from typing import Any

from skflow._types import FilePath
from skflow.estimators._given import check_has_flow
from skflow.exceptions import NotExportableError

__all__ = ["ExportMixin"]


class ExportMixin:
    """The method ``export`` of flows that are fitted to tables."""

    def export(self: Any, path: FilePath) -> None:
        """Write scores and latents as a program that needs torch alone, by ``torch.export``.

        ``torch.export.load(path).module()`` maps rows, a float64 tensor (n_samples, n_features)
        of any length, to a pair: ``log_density`` (n_samples,), float64, in nats, equal to
        :meth:`score_samples` within 1e-5 and a millionth of its size, -inf outside a declared
        support; and ``latents`` (n_samples, n_features), float64, as :meth:`transform` gives
        them, NaN outside it. All that is done to a row is in the program: bounds, periods,
        preprocessing, the members of an ensemble.

        The program checks nothing: values that are not finite come out as NaN or as numbers that
        mean nothing. It takes all rows at once; blocks of a few thousand bound its memory.
        Recording takes seconds.

        Parameters
        ----------
        path : str or path-like
            For instance "density.pt2". An older file there is replaced in one step.

        Raises
        ------
        NotExportableError
            If a part of the flow iterates until a row is right, as ContinuousFlowDensity does: a
            program has the same steps for all rows. Or if the fit had a context, which programs
            do not take.

        Notes
        -----
        ``torch.export`` promises that a file loads in versions of torch near the one that wrote
        it. To keep an estimator, use :meth:`save`.

        Examples
        --------
        >>> import os, tempfile, torch, skflow
        >>> from sklearn.datasets import load_iris
        >>> X = load_iris().data
        >>> density = skflow.MixtureFlowDensity(n_components=3, random_state=0).fit(X)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "iris.pt2")
        ...     density.export(path)
        ...     run = torch.export.load(path).module()
        >>> log_density, latents = run(torch.from_numpy(X))
        >>> bool(abs(log_density.numpy() - density.score_samples(X)).max() < 1e-5)
        True
        """
        from skflow._persistence._target import check_target, replace_file
        from skflow.fitting._program import program

        check_has_flow(self)
        if self.n_context_:
            raise NotExportableError(
                f"a program maps rows alone, and this fit had a context of {self.n_context_} "
                "columns. Keep the estimator by its method save."
            )
        target = check_target(os.fspath(path))  # before the work
        replace_file(target, program(self.flow_, self.observation_))
