"""Latents beside the standard normal that they should be."""

import numpy as np
from scipy import stats

from skflow.diagnostics.displays._style import BLUE, DARK, GREY, LIGHT, legend, new_axes, thin_out
from skflow.diagnostics.displays._tables import chosen_columns, spread_like
from skflow.diagnostics.measures._latents import latent_normality, standard_latents

__all__ = ["LatentDisplay", "LatentQQDisplay"]

CONFIDENCE = 0.95
MAX_POINTS = 2_000
LINES = ("solid", "dashed")


class LatentDisplay:
    """Two columns of the latents, with the circles of one and two standard deviations.

    Under a good fit the points are a round cloud with 39.3 % of them inside the inner circle
    and 86.5 % inside the outer one. Make it with :meth:`from_estimator`.

    Parameters
    ----------
    latents : ndarray of shape (n_samples, 2)
        Two columns of the latents, on the scale of a standard normal.
    names : list of str
        Of the two columns.
    radii : ndarray of shape (n_circles,)
        Of the circles, in standard deviations.
    inside : ndarray of shape (n_circles,)
        Share of the points inside each circle.
    expected : ndarray of shape (n_circles,)
        Share of a standard normal there, 1 - exp(-r^2 / 2).
    errors : ndarray of shape (n_circles,)
        Standard errors of the shares of as many normal points.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    LatentQQDisplay : All columns at once, and their tails.
    skflow.diagnostics.standard_latents : What is drawn.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import MixtureFlowDensity
    >>> from skflow.plots import LatentDisplay
    >>> X = load_iris().data
    >>> flow = MixtureFlowDensity(n_components=3, random_state=0).fit(X)
    >>> display = LatentDisplay.from_estimator(flow, X)
    >>> display.expected.round(3)
    array([0.393, 0.865])
    >>> bool(abs(display.inside - display.expected).max() < 0.1)
    True
    """

    def __init__(self, *, latents, names, radii, inside, expected, errors):
        self.latents = latents
        self.names = names
        self.radii = radii
        self.inside = inside
        self.expected = expected
        self.errors = errors

    @classmethod
    def from_estimator(cls, estimator, X, *, columns=(0, 1), random_state=0, ax=None, **kwargs):
        """Map rows to standard latents and draw two columns of them.

        Parameters
        ----------
        estimator : fitted flow
        X : array-like of shape (n_samples, n_features)
            At least two columns; best rows that the flow has not seen.
        columns : pair of int, default=(0, 1)
            Of the latents.
        random_state : int, RandomState instance or None, default=0
            Repeated values are spread with it, as the fit spread its own.
        ax : matplotlib Axes, default=None
            None makes a figure.
        **kwargs : dict
            Passed to the scatter of the points.

        Returns
        -------
        display : LatentDisplay
        """
        latents = standard_latents(estimator, spread_like(estimator, X, random_state))
        return cls.from_latents(latents, columns=columns, ax=ax, **kwargs)

    @classmethod
    def from_latents(cls, latents, *, columns=(0, 1), ax=None, **kwargs):
        """Draw two columns of standard latents.

        Parameters
        ----------
        latents : array-like of shape (n_samples, n_features)
            What :func:`skflow.diagnostics.standard_latents` gives.
        columns : pair of int, default=(0, 1)
        ax : matplotlib Axes, default=None
            None makes a figure.
        **kwargs : dict
            Passed to the scatter of the points.

        Returns
        -------
        display : LatentDisplay
        """
        latents = np.asarray(latents, dtype=float)
        names = [f"latent {j}" for j in range(latents.shape[1])]
        if len(names) < 2:
            raise ValueError(
                "LatentDisplay draws two columns of latents, and there is one; LatentQQDisplay "
                "takes any number."
            )
        numbers = chosen_columns(columns, names)
        if len(numbers) != 2:
            raise ValueError(f"columns must be two different columns, got {columns!r}.")
        latents = latents[:, numbers]
        radii = np.array([1.0, 2.0])
        inside = (np.linalg.norm(latents, axis=1)[:, np.newaxis] <= radii).mean(axis=0)
        expected = -np.expm1(-0.5 * radii**2)
        errors = np.sqrt(expected * (1 - expected) / len(latents))
        shares = {"radii": radii, "inside": inside, "expected": expected, "errors": errors}
        names = [names[j] for j in numbers]
        return cls(latents=latents, names=names, **shares).plot(ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """Draw the points and the circles.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None makes a figure.
        **kwargs : dict
            Passed to the scatter of the points.

        Returns
        -------
        display : LatentDisplay
        """
        from matplotlib.patches import Circle

        ax = new_axes(ax, (4.6, 4.9))
        self.ax_, self.figure_ = ax, ax.figure
        marks = {"s": 8, "color": BLUE, "linewidths": 0, "alpha": 0.6} | kwargs
        ax.scatter(*thin_out(self.latents, MAX_POINTS).T, **marks)
        found = zip(self.radii, self.inside, self.expected, LINES, strict=False)
        for radius, share, wanted, line in found:
            label = f"{radius:g} sd: {share:.1%} inside, {wanted:.1%} expected"
            style = {"fill": False, "color": DARK, "linestyle": line, "linewidth": 1.6}
            ax.add_patch(Circle((0, 0), radius, label=label, **style))
        ax.set(xlabel=self.names[0], ylabel=self.names[1])
        reach = max(3.5, 1.05 * np.abs(self.latents).max())  # all rows of a good fit
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        above = {"loc": "lower center", "bbox_to_anchor": (0.5, 1), "borderaxespad": 0.2}
        legend(ax, handlelength=1.8, **above)
        return self


class LatentQQDisplay:
    r"""Squared norms of the latents against the quantiles of a chi-square distribution.

    The i-th smallest of n squared norms in d columns is drawn over the (i - 1/2) / n quantile
    of chi-square with d degrees of freedom. Under a good fit 95 of 100 points lie in the band:
    that of :math:`F^{-1}(u)` with F the distribution function of chi-square and u from the
    distribution of the i-th smallest of n uniform numbers, Beta(i, n - i + 1). It holds for each
    point by itself, not for all at once. Points above the line on the right are rows that the
    density thinks too unlikely: its tails are too light, or it is overfitted. Points below are
    rows that it thinks too likely.

    Make it with :meth:`from_estimator`.

    Parameters
    ----------
    squared_norms, quantiles : ndarray of shape (n_samples,)
        Both from the smallest to the largest.
    band : tuple of two ndarray of shape (n_samples,)
        Where each squared norm lies with a probability of 95 % if the latents are normal.
    n_columns : int
        Degrees of freedom.
    outside : float
        Share of the points outside the band; about 0.05 under a good fit, and, as neighbours
        leave it together, often none or a fifth.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    LatentDisplay : Two of the columns.
    skflow.diagnostics.latent_normality : Tests of the same.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import MixtureFlowDensity
    >>> from skflow.plots import LatentQQDisplay
    >>> X = load_iris().data
    >>> display = LatentQQDisplay.from_estimator(MixtureFlowDensity().fit(X), X)
    >>> display.n_columns, display.squared_norms.shape
    (4, (150,))
    """

    def __init__(self, *, squared_norms, quantiles, band, n_columns, outside):
        self.squared_norms = squared_norms
        self.quantiles = quantiles
        self.band = band
        self.n_columns = n_columns
        self.outside = outside

    @classmethod
    def from_estimator(cls, estimator, X, *, random_state=0, ax=None, **kwargs):
        """Map rows to standard latents and draw their squared norms.

        Parameters
        ----------
        estimator : fitted flow
        X : array-like of shape (n_samples, n_features)
            At least 8 rows; best some that the flow has not seen.
        random_state : int, RandomState instance or None, default=0
            Repeated values are spread with it, as the fit spread its own.
        ax : matplotlib Axes, default=None
            None makes a figure.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : LatentQQDisplay
        """
        rows = spread_like(estimator, X, random_state)
        return cls.from_latents(standard_latents(estimator, rows), ax=ax, **kwargs)

    @classmethod
    def from_latents(cls, latents, *, ax=None, **kwargs):
        """Draw the squared norms of standard latents.

        Parameters
        ----------
        latents : array-like of shape (n_samples, n_features)
            From :func:`skflow.diagnostics.standard_latents`; at least 8 rows.
        ax : matplotlib Axes, default=None
            None makes a figure.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : LatentQQDisplay
        """
        found = latent_normality(latents)
        n, n_columns = len(found.squared_norms), len(found.ks_statistics)
        place, tail = np.arange(1, n + 1), (1 - CONFIDENCE) / 2
        shares = (stats.beta.ppf(p, place, n - place + 1) for p in (tail, 1 - tail))
        low, high = (stats.chi2.ppf(share, n_columns) for share in shares)
        outside = (found.squared_norms < low) | (found.squared_norms > high)
        return cls(
            squared_norms=found.squared_norms,
            quantiles=found.chi2_quantiles,
            band=(low, high),
            n_columns=n_columns,
            outside=float(outside.mean()),
        ).plot(ax, **kwargs)

    def plot(self, ax=None, *, name=None, **kwargs):
        """Draw the points over the band.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None makes a figure.
        name : str, default=None
            Of the estimator, for the legend.
        **kwargs : dict
            Passed to the line of points.

        Returns
        -------
        display : LatentQQDisplay
        """
        ax = new_axes(ax, (4.8, 4.4))
        self.ax_, self.figure_ = ax, ax.figure
        ends = [self.quantiles[0], self.quantiles[-1]]
        band = {"color": LIGHT, "linewidth": 0, "label": f"{CONFIDENCE:.0%} band"}
        ax.fill_between(self.quantiles, *self.band, **band)
        ax.plot(ends, ends, color=GREY, linestyle="--", linewidth=1, label="standard normal")
        marks = {"marker": ".", "linestyle": "none", "color": BLUE, "label": name or "latents"}
        ax.plot(self.quantiles, self.squared_norms, **(marks | kwargs))
        degrees = f"{self.n_columns} degree{'s' * (self.n_columns > 1)} of freedom"
        # in two lines: axes are often small
        ax.set(xlabel=f"quantile of chi-square,\n{degrees}", ylabel="squared norm of the latent")
        legend(ax, loc="upper left")
        return self
