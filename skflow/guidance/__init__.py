"""Which estimator for which table and task, and what it will cost."""

from skflow.guidance._costs import Cost
from skflow.guidance._recommend import Recommendation, recommend

__all__ = ["Cost", "Recommendation", "recommend"]
