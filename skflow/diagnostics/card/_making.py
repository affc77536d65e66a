"""The card of a fitted estimator, put together."""

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skflow._model_card import ModelCard, card_of
from skflow.diagnostics.card._facts import (
    chosen_of,
    course_of,
    data_of,
    purpose_of,
    record_of,
    settings_of,
)
from skflow.diagnostics.card._limits import limits_of
from skflow.diagnostics.card._measures import held_out_scores_of, measured

__all__: list[str] = []


@card_of.register(BaseEstimator)
def _(estimator, X, y, context):
    check_is_fitted(estimator)
    scores, diagnosis, unchecked = measured(estimator, X, y, context)
    return ModelCard(
        estimator=type(estimator).__name__,
        purpose=purpose_of(estimator),
        data=data_of(estimator),
        settings=settings_of(estimator),
        chosen=chosen_of(estimator),
        fit=course_of(estimator),
        scores=[*held_out_scores_of(estimator), *scores],
        diagnosis=diagnosis,
        limits=[unchecked, *limits_of(estimator)] if unchecked else limits_of(estimator),
        versions=record_of(estimator).get("versions", {}),
    )
