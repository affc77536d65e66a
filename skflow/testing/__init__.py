"""Public checks that a bijection or a density estimator tells the truth.

scikit-learn's ``check_estimator`` proves the protocol, not the density: an estimator whose score
is a constant passes it. :func:`check_density` proves that ``score_samples`` is the logarithm of a
density, in the units of the data, that ``sample`` draws from it. :func:`check_bijection` proves
that a map inverts and that its log-det is the one of its Jacobian,
:func:`check_conditional_density` that a density given a context depends on it as it says. All
raise an ``AssertionError`` that names the property, what was measured and what was tolerated.
"""

from skflow.testing._bijection import check_bijection
from skflow.testing._conditional import check_conditional_density
from skflow.testing._density import check_density

__all__ = ["check_bijection", "check_conditional_density", "check_density"]
