"""Draws as users have them: tables, chains, ArviZ's objects, weighted ones; and their halves."""

from dataclasses import dataclass

import numpy as np

from skflow._containers import as_table, on_host
from skflow._input import names_of, refuse_masked
from skflow._validation import check_finite, column_label

__all__ = ["MOST_GROUPS", "Draws", "read_draws"]

MOST_DRAWS = 20_000  # that are looked at; chains that are longer are thinned
NEGLIGIBLE = 1e-6  # share of all weight that is left out with the lightest draws
MOST_GROUPS = 4
MOST_TWICE = 0.02  # share of the draws of one half that may be in the other one, too
FORMS = (
    "expected an array (n, d), an array (n_chains, n, d), a data frame, or an object of ArviZ "
    "with a group 'posterior'"
)


@dataclass(frozen=True)
class Draws:
    """Draws of a density.

    Attributes
    ----------
    rows : ndarray of shape (n, d)
        Chain after chain.
    n_chains : int
        Of equal length.
    weight : ndarray of shape (n,) or None
        Sums to one.
    kept : ndarray of shape (n,), int
        Where they were among all draws that were passed, chain after chain.
    shapes : tuple of tuple
        Those that one number for each draw that was passed may have.
    names : list of str or None
        Of the columns.
    """

    rows: np.ndarray
    n_chains: int
    weight: np.ndarray | None
    kept: np.ndarray
    shapes: tuple
    names: list | None

    @property
    def places(self):
        """Numbers of the rows of each chain, (n_chains, n per chain)."""
        return np.arange(len(self.rows)).reshape(self.n_chains, -1)

    def halves(self):
        """Numbers of rows of two halves, (n_chains, n per chain) each.

        Chains are halved as a whole where there are two; one is cut in the middle. Weighted draws
        may lie in the order of their density, so that every other one is taken.
        """
        if self.weight is not None:
            even = self.places[0, : len(self.rows) // 2 * 2]
            return [even[None, 0::2], even[None, 1::2]]
        return self._cut(2)

    def groups(self):
        """Numbers of rows of two to four parts, which all should look alike."""
        if self.weight is not None:
            return self.halves()
        return self._cut(min(self.n_chains, MOST_GROUPS) if self.n_chains > 1 else MOST_GROUPS)

    def _cut(self, n_parts):
        axis = 0 if self.n_chains >= n_parts else 1
        return np.array_split(self.places, n_parts, axis=axis)


def read_draws(draws, log_weights=None, var_names=None):
    """Read whatever holds draws.

    Parameters
    ----------
    draws : array-like, data frame, or object of ArviZ
    log_weights : array-like of shape (n,) or None
    var_names : sequence of str or None
        Of an object of ArviZ: which variables, in which order.

    Returns
    -------
    Draws

    Raises
    ------
    TypeError, ValueError
        If it is no table of finite numbers, too short, or resampled.
    """
    draws = as_table(draws, "draws")
    if _is_of_arviz(draws):
        chains, names = _from_arviz(draws, var_names)
    elif var_names is not None:
        raise ValueError("var_names is for objects of ArviZ; choose columns of an array yourself.")
    else:
        names = names_of(draws)
        chains = _array(refuse_masked(draws, "draws"))
    n_chains, m, d = chains.shape
    rows = chains.reshape(-1, d)
    check_finite(rows, names)
    weight = None if log_weights is None else _weights(log_weights, n_chains, len(rows))
    kept = _kept(n_chains, m, weight)
    found = Draws(
        rows=rows[kept],
        n_chains=n_chains,
        weight=None if weight is None else weight[kept] / weight[kept].sum(),
        kept=kept,
        shapes=((n_chains, m),) if n_chains > 1 else ((m,), (1, m)),
        names=None if names is None else [str(name) for name in names],
    )
    _check_halves(found)
    return found


def _array(draws):
    try:
        array = np.array(on_host(draws), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"draws must be numbers; {FORMS}: {error}.") from error
    if array.ndim not in (2, 3) or not array.size:
        hint = " A single parameter needs a column of its own: draws[:, None]."
        raise ValueError(
            f"draws have the shape {array.shape}; {FORMS}.{hint if array.ndim == 1 else ''}"
        )
    return array if array.ndim == 3 else array[None]


def _is_of_arviz(draws):
    return _is_dataset(draws) or type(draws).__name__ in ("DataTree", "InferenceData")


def _is_dataset(draws):
    return hasattr(draws, "data_vars") and "chain" in getattr(draws, "dims", ())


def _from_arviz(draws, var_names):
    """Chains (n_chains, n, d) and names of columns of a dataset, or of the group of draws."""
    posterior = draws
    if not _is_dataset(draws):
        groups = draws.groups() if callable(draws.groups) else draws.groups
        if "posterior" not in [str(group).strip("/") for group in groups]:
            raise ValueError(f"draws hold no group 'posterior', only {list(groups)}.")
        posterior = draws["posterior"]
    known = [str(name) for name in posterior.data_vars]
    wanted = [var_names] if isinstance(var_names, str) else var_names or known
    unknown = [name for name in wanted if name not in known]
    if unknown or not len(wanted):
        raise ValueError(f"var_names must be some of {known}, got {var_names!r}.")
    parts = [_columns(name, posterior[name]) for name in wanted]
    return np.concatenate([part for part, _ in parts], axis=2), sum((n for _, n in parts), [])


def _columns(name, variable):
    """Values (n_chains, n, k) of a variable, and a name for each of its k numbers."""
    values = np.asarray(variable.transpose("chain", "draw", ...).values)
    if values.dtype.kind not in "fiu":
        raise TypeError(
            f"variable {name!r} holds {values.dtype}, not numbers: name others with var_names."
        )
    inner = values.shape[2:]
    names = [f"{name}[{','.join(map(str, at))}]" for at in np.ndindex(inner)] if inner else [name]
    return values.reshape(*values.shape[:2], -1).astype(np.float64), names


def _weights(log_weights, n_chains, n):
    values = np.array(on_host(log_weights), dtype=np.float64)
    if n_chains > 1 or values.shape != (n,):
        raise ValueError(
            f"log_weights must be one number for each row of draws (n, d), here ({n},), got "
            f"shape {values.shape}" + (f" with {n_chains} chains." if n_chains > 1 else ".")
        )
    if np.isnan(values).any() or (values == np.inf).any() or not np.isfinite(values).any():
        raise ValueError(
            "log_weights must be numbers or -inf, not all of them -inf: look at row "
            f"{int(np.argmax(np.isnan(values) | (values == np.inf)))}."
        )
    weight = np.exp(values - values.max())
    return weight / weight.sum()


def _kept(n_chains, m, weight):
    """Numbers of the rows that are looked at."""
    step = -(-n_chains * m // MOST_DRAWS)
    if weight is None:
        return np.arange(n_chains * m).reshape(n_chains, m)[:, ::step].ravel()
    lightest = np.argsort(weight, kind="stable")
    counted = lightest[weight[lightest].cumsum() > NEGLIGIBLE]
    return np.sort(counted)[:: -(-len(counted) // MOST_DRAWS)]


def _check_halves(draws):
    first, second = (draws.rows[half.ravel()] for half in draws.halves())
    constant = np.flatnonzero((np.ptp(first, axis=0) == 0) | (np.ptp(second, axis=0) == 0))
    if len(constant):
        raise ValueError(
            f"{column_label(constant[0], draws.names)} is the same in all draws of a half: it has "
            "no density. Leave out what is no parameter (var_names, for objects of ArviZ)."
        )
    wanted = 20 + 2 * draws.rows.shape[1]
    fewest = min(len(np.unique(half, axis=0)) for half in (first, second))
    if fewest < wanted:
        raise ValueError(
            f"a half of the draws has {fewest} distinct rows that count, and {wanted} are needed "
            f"for {draws.rows.shape[1]} parameters; several hundred are usual. Draw more, or "
            "leave out less of the chains."
        )
    known = {row.tobytes() for row in first}
    twice = np.mean([row.tobytes() in known for row in second])
    if twice > MOST_TWICE:
        raise ValueError(
            f"{twice:.0%} of the draws of one half are in the other one, too: they look resampled "
            "or shuffled. Pass each draw once with its log_weights, or chains in their order."
        )
