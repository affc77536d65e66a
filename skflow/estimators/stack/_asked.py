"""What a fitted stack can be asked: scores and draws."""

from functools import partial

from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skflow._containers import in_kind
from skflow._model_card import CardMixin
from skflow._persistence import SaveMixin
from skflow._types import Cells, Context, Floats, RandomState, Rows
from skflow._validation import check_data, check_n_samples
from skflow.estimators._contract import MeanScoreMixin
from skflow.estimators._from_sources import takes_sources
from skflow.estimators._given import MaybeGiven
from skflow.estimators._kinds import checked
from skflow.estimators._output import SetsOutput, framed

__all__ = ["FittedStack"]


class FittedStack(SetsOutput, CardMixin, SaveMixin, MeanScoreMixin, MaybeGiven):
    """Methods of an estimator whose ``fit`` leaves ``mixture_`` and ``context_``."""

    @property
    def n_context_(self) -> int:
        """Columns of the context of the fit, 0 without one."""
        check_is_fitted(self, "mixture_")
        known = vars(self).get("context_")
        return 0 if known is None else len(known)

    @takes_sources(tensors=True)
    def score_samples(self, X: Rows, context: Context = None) -> Floats:
        """Natural-log density of each row, in nats and in the units of the X given to fit.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Or whatever else :meth:`NSFDensity.score_samples` takes.
        context : array-like of shape (n_samples, n_context), optional
            What each row is given, if the fit had a context.

        Returns
        -------
        log_density : ndarray of shape (n_samples,), float64
        """
        check_is_fitted(self, "mixture_")
        X, context = self._split(X, context)
        rows = checked(X, partial(check_data, self, reset=False))
        return self.mixture_.score_samples(rows, self._given(context, len(rows)))

    def sample(
        self,
        n_samples: int = 1,
        random_state: RandomState = None,
        on_grid: bool = False,
        context: Context = None,
    ) -> Cells:
        """Draw rows from the mixture: a component by its weight, then a row from it.

        Parameters
        ----------
        n_samples : int, default=1
            For each row of a context, if there is one.
        random_state : int, RandomState instance or None, default=None
            None gives fresh draws at every call.
        on_grid : bool, default=False
            Bring columns that were spread in training back to where their values were, see
            :meth:`NSFDensity.sample`.
        context : array-like of shape (n_rows, n_context), optional
            What to draw rows for, if the fit had a context.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features) or (n_rows, n_samples, n_features)
            The second with a context. The first are a frame with the names of the fit's columns
            where ``set_output`` asks for one.

        Raises
        ------
        TypeError
            If a component with a positive weight cannot sample, or with ``on_grid`` knows of no
            grid, as those of other packages.
        """
        check_is_fitted(self, "mixture_")
        n_samples, rng = check_n_samples(n_samples), check_random_state(random_state)
        given = self._given(context, what="distribution to draw from")
        if given is None:
            return framed(self, self.mixture_.sample(n_samples, rng, on_grid))
        return in_kind(context, self.mixture_.sample_given(given, n_samples, rng, on_grid))
