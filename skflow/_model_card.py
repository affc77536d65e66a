"""Model cards: what a fitted estimator is, and is not, in words for whoever is to use it."""

from dataclasses import dataclass
from functools import singledispatch
from math import isnan
from typing import Any

from skflow._pages import ShownMixin
from skflow._types import Table

__all__ = ["CardMixin", "CardScore", "ModelCard", "card_of"]


@dataclass(frozen=True)
class CardScore:
    """A number that says how good an estimator is.

    Attributes
    ----------
    name : str
        What it is, with its unit.
    value : float
    error : float
        Its standard error, NaN where there is none.
    rows : str
        What rows it is of.
    """

    name: str
    value: float
    error: float
    rows: str

    def shown(self) -> str:
        """Return the number with its error, and of what it is."""
        error = "" if isnan(self.error) else f" ± {self.error:.2g}"
        return f"{self.value:.4g}{error}, of {self.rows}"


@dataclass(frozen=True, repr=False)
class ModelCard(ShownMixin):
    """What ``model_card`` returns; printing it shows it as Markdown, a notebook as a page.

    Attributes
    ----------
    estimator : str
        Name of the class.
    purpose : str
        What it is a model of.
    data : dict {str: str}
        Rows and columns of the fit.
    settings, chosen : dict
        Parameters that differ from the defaults, and what "auto" came to.
    fit : dict {str: str}
        How the fit went.
    scores : list of CardScore
        Of rows that were held out in the fit, and of those that ``model_card`` was given.
    diagnosis : Diagnosis, PosteriorCheck or None
        Of the rows that ``model_card`` was given.
    limits : list of str
        What the estimator does not promise, by what is known of this fit.
    versions : dict {str: str}
        That fitted it.
    """

    estimator: str
    purpose: str
    data: dict
    settings: dict
    chosen: dict
    fit: dict
    scores: list
    diagnosis: Any
    limits: list
    versions: dict

    def parts(self) -> dict[str, list[tuple[str, str]]]:
        """Return what each part says, by its heading: pairs of a name, if it has one, and words.

        Parts of which nothing is known are left out.
        """
        parts = {
            "Data": list(self.data.items()),
            "Settings": list(self.settings.items()),
            'Chosen by "auto"': list(self.chosen.items()),
            "Fit": list(self.fit.items()),
            "Scores": [(score.name, score.shown()) for score in self.scores],
            "Limits": [("", limit) for limit in self.limits],
            "Versions": list(self.versions.items()),
        }
        return {heading: pairs for heading, pairs in parts.items() if pairs}

    def __str__(self):
        text = [f"# Model card: {self.estimator}", "", self.purpose]
        for heading, pairs in self.parts().items():
            lines = [f"- {name}: {said}" if name else f"- {said}" for name, said in pairs]
            text += ["", f"## {heading}", "", *lines]
            if heading == "Scores" and self.diagnosis is not None:
                text += ["", "## Diagnosis", "", "```text", str(self.diagnosis), "```"]
        return "\n".join(text)

    def __repr__(self):
        return f"ModelCard({self.estimator}, scores={[score.shown() for score in self.scores]})"


@singledispatch
def card_of(estimator, X, y, context):
    """Return the ModelCard; the room of diagnostics, which stands above, says how."""
    raise TypeError(f"there is no model card of a {type(estimator).__name__}")


class CardMixin:
    """The method ``model_card`` of estimators."""

    def model_card(
        self, X: Table | None = None, y: Table | None = None, *, context: Table | None = None
    ) -> ModelCard:
        """Say what was fitted, to what, how well, and what it does not promise.

        Print it for Markdown (the README of a repository of models), show it in a notebook, or
        write it to one file by its ``to_html(path)``. Names of columns and settings are in it, no
        values of rows but, with X, pictures of some.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), optional
            Rows that the fit has not seen. With them the card has their scores, and what
            :func:`skflow.diagnose` finds (:func:`skflow.check_posterior` of a
            SimulationPosterior, whose X are parameters), if there are 30 rows or more.
        y : array-like of shape (n_samples,), optional
            Of a regressor and of a classifier: what belongs to the rows; of a SimulationPosterior
            what was simulated. No other estimator takes one.
        context : array-like of shape (n_samples, n_context), optional
            What each row is given, if the fit had a context and X does not hold it.

        Returns
        -------
        card : ModelCard
            With ``data``, ``settings``, ``chosen``, ``fit``, ``scores``, ``diagnosis``,
            ``limits`` and ``versions``.

        Raises
        ------
        NotFittedError
            Before a fit.
        ValueError
            For rows that the estimator does not take; for y where it takes none, and without it
            where it needs one.

        Notes
        -----
        Cost: without X none. With X that of the scores, and of the checks of
        :func:`skflow.diagnose`, some seconds, without trials of remedies.

        Sections follow Mitchell et al. (2019), Model cards for model reporting, FAT*,
        doi:10.1145/3287560.3287596, as far as a fit knows them; what it is meant for, and whom it
        concerns, is yours to add.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skflow import MixtureFlowDensity
        >>> X = load_iris().data
        >>> card = MixtureFlowDensity(n_components=2, random_state=0).fit(X[::2]).model_card()
        >>> print(str(card).splitlines()[0])
        # Model card: MixtureFlowDensity
        >>> card.data["rows"], card.settings["n_components"]
        ('75', '2')
        """
        return card_of(self, X, y, context)
