"""A net that has a distribution for every cell of a row, given any of its other cells."""

import torch
from torch import nn

from skflow.conditionals._univariate import Levels, Mixture, interval_mass, mixture_log_prob
from skflow.nets._layers import Dense, affine_map, hidden_pass

__all__ = ["LABELS", "NUMBER", "ORDERED", "AnyOrderNet"]

NUMBER, ORDERED, LABELS = "number", "ordered", "labels"
N_BUMPS = 8  # of each score, beside the score itself
STEEPNESS = 1.5
SPREAD = 0.3  # of the components about the start, in its deviations
REACH = 5.0  # bound of a component's log-scale beside the start's
FARTHEST = 40.0  # deviations, where the first and the last level end


class AnyOrderNet(nn.Module):
    r"""Distributions of all cells of a row, given those that are known.

    A residual perceptron reads the known cells, and which they are, and writes for each column
    the parameters of a distribution of one cell [1]_, [2]_. It may be asked in any order of the
    columns: :math:`\log p(x) = \sum_i \log p(x_{o_i} \mid x_{o_1}, \dots, x_{o_{i-1}})`.

    * A number's score has a mixture of normals, about the mean and in units of the deviation
      that it has under a normal distribution of all scores, :class:`GaussianStart`.
    * Ordered levels are intervals of such a score; theirs is what the mixture has in there.
    * Labels have shares by a softmax, about those that they have in all rows.

    The net reads a score z as it is and through :math:`\tanh(1.5 (z - e_k))` at eight quantiles
    :math:`e_k` of a normal, so that small changes may matter; a label as one number a level.

    Parameters
    ----------
    columns : list of (str, ndarray or None)
        For each its kind, and if it has levels how often each occurs, with sum 1.
    start : GaussianStart
        Of the scores of numbers and of ordered levels, in their order.
    width, depth : int
        Of the perceptron: hidden units a layer, and layers after the first.
    n_components : int
    dropout : float

    References
    ----------
    .. [1] Uria, Murray & Larochelle (2014), A deep and tractable density estimator,
       arXiv:1310.1757, section 4.
    .. [2] Hoogeboom et al. (2022), Autoregressive diffusion models, arXiv:2110.02037, eq. 3.
    """

    residual = True  # as `hidden_pass` reads it

    def __init__(self, columns, start, width=256, depth=4, n_components=8, dropout=0.0):
        super().__init__()
        self.columns = tuple(kind for kind, _ in columns)
        self.n_components, self.dropout = n_components, dropout
        self.start = start
        self.scores = self._of_kind(NUMBER, ORDERED)
        self.numbers = [i for i, j in enumerate(self.scores) if self.columns[j] == NUMBER]
        self.ordered = [i for i, j in enumerate(self.scores) if self.columns[j] == ORDERED]
        self.labels = self._of_kind(LABELS)
        shares = [share for _, share in columns]
        self._place_levels([shares[j] for j in self._of_kind(ORDERED)])
        self.sizes = [len(shares[j]) for j in self.labels]
        n_in = len(columns) + len(self.scores) * (1 + N_BUMPS) + sum(self.sizes)
        quantiles = (torch.arange(N_BUMPS) + 0.5) / N_BUMPS
        self.register_buffer("bumps", torch.special.ndtri(quantiles), persistent=False)
        self.hidden = nn.ModuleList(
            Dense(n_in if i == 0 else width, width) for i in range(depth + 1)
        )
        n_out = 3 * n_components * len(self.scores) + sum(self.sizes)
        self.last = Dense(width, n_out, zero=True)
        self._begin([shares[j] for j in self.labels])

    def log_prob(self, values, known):
        """Log density or log share (n, d) of all cells of rows, each given the known ones.

        Parameters
        ----------
        values : tensor of shape (n, d)
            Scores, codes of levels; anything in holes.
        known : tensor of shape (n, d), bool
        """
        scores, h = self._hidden(values, known)
        raw = self.last(h)
        out = torch.empty_like(values.mT)
        cut = 3 * self.n_components * len(self.scores)
        if self.scores:
            start = self.start(scores, known[:, self.scores])
            at = values[:, self.scores].mT
            out[self.scores] = self._score_log_prob(at, raw[:cut], *start)
        for columns, size, block in self._blocks(raw[cut:]):
            log_share = torch.log_softmax(block, 1)
            code = values[:, columns].mT.long().clamp(0, size - 1)
            out[columns] = log_share.gather(1, code.unsqueeze(1)).squeeze(1)
        return out.mT

    def column(self, values, known, j):
        """Distribution of the cells of column j in rows (n, d), given the known ones."""
        scores, h = self._hidden(values, known)
        if self.columns[j] == LABELS:
            k = self.labels.index(j)
            first = 3 * self.n_components * len(self.scores) + sum(self.sizes[:k])
            return Levels(torch.log_softmax(self._last(h, first, self.sizes[k]), 0))
        i = self.scores.index(j)
        size = 3 * self.n_components
        mean, deviation = self.start(scores, known[:, self.scores])
        mixture = Mixture(*self._mixtures(self._last(h, i * size, size), mean[i], deviation[i]))
        return mixture if self.columns[j] == NUMBER else self._levels(mixture, i)

    def scores_of(self, values):
        """Scores (n, s) of cells (n, d), 0 in holes."""
        scores = values[:, self.scores]
        if self.ordered:
            codes = scores[:, self.ordered].nan_to_num(0.0).long().clamp(min=0)
            column = torch.arange(len(self.ordered))
            scores[:, self.ordered] = self.middle[column, codes]
        return scores.nan_to_num(0.0)

    def _of_kind(self, *kinds):
        return [j for j, kind in enumerate(self.columns) if kind in kinds]

    def _place_levels(self, shares):
        """Lay ordered levels out side by side on the axis of a normal score."""
        longest = max(map(len, shares), default=0)
        edges = torch.full((len(shares), longest + 1), FARTHEST)
        middle = torch.zeros(len(shares), longest)
        for i, share in enumerate(shares):
            upto = torch.cat([torch.zeros(1), torch.as_tensor(share).cumsum(0).float()])
            edges[i, : len(upto)] = torch.special.ndtri(upto.clamp(0, 1)).clamp(
                -FARTHEST, FARTHEST
            )
            edges[i, len(share)] = FARTHEST
            middle[i, : len(share)] = torch.special.ndtri(0.5 * (upto[1:] + upto[:-1]))
        self.register_buffer("edges", edges)
        self.register_buffer("middle", middle)
        self.n_ordered = [len(share) for share in shares]

    def _begin(self, shares):
        """Begin at the start, with components apart, and with the labels' own shares."""
        with torch.no_grad():
            size = len(self.scores)
            cut = 3 * self.n_components * size
            mixtures = self.last.bias[:cut].view(size, 3, self.n_components)
            mixtures[:, 1] = torch.linspace(-SPREAD, SPREAD, self.n_components)
            for share, bias in zip(shares, self.last.bias[cut:].split(self.sizes), strict=True):
                bias.copy_(torch.as_tensor(share).log())

    def _hidden(self, values, known):
        """Scores (n, s), 0 where unknown, and activations (width, n) of the last hidden layer."""
        seen = known.to(values.dtype)
        scores = self.scores_of(values) * seen[:, self.scores]
        parts = [seen.mT, scores.mT]
        bent = torch.tanh(STEEPNESS * (scores.mT.unsqueeze(1) - self.bumps[:, None]))
        parts.append((bent * seen[:, self.scores].mT.unsqueeze(1)).flatten(0, 1))
        for j, size in zip(self.labels, self.sizes, strict=True):
            codes = torch.where(known[:, j], values[:, j], -1.0)
            parts.append((codes == torch.arange(size)[:, None]).to(values.dtype))
        return scores, hidden_pass(self, torch.cat(parts))

    def _last(self, h, first, size):
        rows = slice(first, first + size)
        return affine_map(h, self.last.weight[rows], self.last.bias[rows])

    def _mixtures(self, raw, mean, deviation):
        """Log-weights, means, log-scales (..., K, n) of raw (..., 3 K, n), about (..., n)."""
        logits, shift, stretch = raw.unflatten(-2, (3, self.n_components)).unbind(-3)
        deviation = deviation.unsqueeze(-2)
        loc = mean.unsqueeze(-2) + deviation.exp() * shift
        log_scale = deviation + REACH * torch.tanh(stretch / REACH)
        return torch.log_softmax(logits, -2), loc, log_scale

    def _score_log_prob(self, at, raw, mean, deviation):
        """Of scores, and of the levels of ordered ones, at (s, n)."""
        size = 3 * self.n_components
        mixtures = self._mixtures(raw.unflatten(0, (-1, size)), mean, deviation)
        if not self.ordered:
            return mixture_log_prob(at, *mixtures)
        out = torch.empty_like(at)
        numbers = [part[self.numbers] for part in mixtures]
        out[self.numbers] = mixture_log_prob(at[self.numbers], *numbers)
        codes = at[self.ordered].nan_to_num(0.0).long().clamp(min=0)
        edges = self.edges.gather(1, codes), self.edges.gather(1, codes + 1)
        out[self.ordered] = interval_mass(*edges, *(part[self.ordered] for part in mixtures))
        return out

    def _levels(self, mixture, i):
        """Shares of the levels that lie side by side on the axis of score i."""
        k = self.ordered.index(i)
        edges = self.edges[k, : self.n_ordered[k] + 1, None].expand(-1, mixture.loc.shape[1])
        parts = (p.unsqueeze(0) for p in (mixture.log_weight, mixture.loc, mixture.log_scale))
        return Levels(torch.log_softmax(interval_mass(edges[:-1], edges[1:], *parts), 0))

    def _blocks(self, raw):
        """Columns of labels with equally many levels: their numbers, levels and raw (c, L, n)."""
        pieces = raw.split(self.sizes)
        for size in sorted(set(self.sizes)):
            which = [k for k, other in enumerate(self.sizes) if other == size]
            yield [self.labels[k] for k in which], size, torch.stack([pieces[k] for k in which])
