"""A net that has a distribution for every cell of a row, given any of its other cells."""

import torch
from torch import nn

from skflow.conditionals._encoding import LABELS, NUMBER
from skflow.conditionals._univariate import Levels, Mixture, interval_mass, mixture_log_prob
from skflow.nets._layers import Dense, affine_map, hidden_pass

__all__ = ["AnyOrderNet"]

N_BUMPS = 8  # of each score, beside the score itself
STEEPNESS = 1.5
SPREAD = 0.3  # of the components about the start, in its deviations
REACH = 5.0  # bound of a component's log-scale beside the start's


class AnyOrderNet(nn.Module):
    r"""Distributions of all cells of a row, given those that are known.

    A residual perceptron reads the known cells, and which they are, and writes for each column
    the parameters of a distribution of one cell [1]_, [2]_. It may be asked in any order of the
    columns: :math:`\log p(x) = \sum_i \log p(x_{o_i} \mid x_{o_1}, \dots, x_{o_{i-1}})`.

    * A number's score has a mixture of normals, about the mean and in units of the deviation
      that it has under a normal distribution of all scores, :class:`GaussianStart`.
    * Ordered levels are intervals of such a score; theirs is what the mixture has in there.
    * Labels have shares by a softmax, about those of a linear regression on what is known; or,
      where they are very many, about those that they have in all rows.

    The net reads a score z as it is and through :math:`\tanh(1.5 (z - e_k))` at eight quantiles
    :math:`e_k` of a normal, so that small changes may matter; a label as one number a level.

    Parameters
    ----------
    encoding : Encoding
        Of the columns.
    start : GaussianStart
        Of the numbers of the encoding.
    shares : list of ndarray
        Of the labels of each column that has labels: how often each occurs.
    hidden_features : tuple of int
        Hidden units in each layer, equally many in all.
    n_components : int
    dropout : float

    References
    ----------
    .. [1] Uria, Murray & Larochelle (2014), A deep and tractable density estimator,
       arXiv:1310.1757, section 4.
    .. [2] Hoogeboom et al. (2022), Autoregressive diffusion models, arXiv:2110.02037, eq. 3.
    """

    residual = True  # as `hidden_pass` reads it

    def __init__(self, encoding, start, shares, hidden_features, n_components=8, dropout=0.0):
        super().__init__()
        if not hidden_features or len(set(hidden_features)) > 1:
            raise ValueError(
                "hidden_features must be one or more equal numbers, as the layers are added up; "
                f"got {tuple(hidden_features)}."
            )
        self.encoding, self.start = encoding, start
        self.n_components, self.dropout = n_components, dropout
        d, n_scores = len(encoding.kinds), len(encoding.scores)
        self.numbers = [i for i in range(n_scores) if i not in encoding.ordered]
        quantiles = (torch.arange(N_BUMPS) + 0.5) / N_BUMPS
        self.register_buffer("bumps", torch.special.ndtri(quantiles), persistent=False)
        n_in = d + n_scores * (1 + N_BUMPS) + sum(encoding.sizes)
        widths = [n_in, *hidden_features]
        self.hidden = nn.ModuleList(map(Dense, widths, hidden_features))
        self.cut = 3 * n_components * n_scores  # of the outputs: scores before it, then labels
        self.last = Dense(widths[-1], self.cut + sum(encoding.sizes), zero=True)
        self._begin(shares)

    def log_prob(self, values, known):
        """Log density or log share (n, d) of all cells of rows, each given the known ones.

        Parameters
        ----------
        values : tensor of shape (n, d)
            Scores, codes of levels; anything in holes.
        known : tensor of shape (n, d), bool
        """
        scores, labels = self.encoding.scores, self.encoding.labels
        h, mean, deviation = self._hidden(values, known)
        raw = self.last(h)
        out = torch.empty_like(values.mT)
        if scores:
            out[scores] = self._score_log_prob(values[:, scores].mT, raw, mean, deviation)
        pieces = raw[self.cut :].split(self.encoding.sizes)
        for j, piece in zip(labels, pieces, strict=True):
            log_share = self._log_share(piece, mean, j)
            code = values[:, j].long().clamp(0, len(piece) - 1)
            out[j] = log_share.gather(0, code[None])[0]
        return out.mT

    def column(self, values, known, j):
        """Distribution of the cells of column j in rows (n, d), given the known ones."""
        return self._cells(j, *self._hidden(values, known))

    def columns(self, values, known):
        """Yield the distribution of the cells of each column in turn, as :meth:`column` does."""
        hidden = self._hidden(values, known)
        for j in range(values.shape[1]):
            yield self._cells(j, *hidden)

    def _cells(self, j, h, mean, deviation):
        """Distribution of the cells of column j by what the hidden layers make of rows."""
        encoding = self.encoding
        if encoding.kinds[j] == LABELS:
            k = encoding.labels.index(j)
            first = self.cut + sum(encoding.sizes[:k])
            return Levels(self._log_share(self._last(h, first, encoding.sizes[k]), mean, j))
        i, size = encoding.scores.index(j), 3 * self.n_components
        mixture = Mixture(*self._mixtures(self._last(h, i * size, size), mean[i], deviation[i]))
        return mixture if encoding.kinds[j] == NUMBER else self._levels(mixture, i)

    def _begin(self, shares):
        """Begin at the start, with components apart; elsewhere with the labels' own shares."""
        with torch.no_grad():
            mixtures = self.last.bias[: self.cut].view(-1, 3, self.n_components)
            mixtures[:, 1] = torch.linspace(-SPREAD, SPREAD, self.n_components)
            biases = self.last.bias[self.cut :].split(self.encoding.sizes)
            for j, share, bias in zip(self.encoding.labels, shares, biases, strict=True):
                if j not in self.encoding.started:
                    bias.copy_(torch.as_tensor(share).log())

    def _hidden(self, values, known):
        """Activations (width, n) of the last hidden layer, and what the start says (e, n)."""
        encoding, seen = self.encoding, known.to(values.dtype)
        known_numbers = known[:, encoding.column_of]
        numbers = encoding(values).where(known_numbers, 0.0)
        scores = numbers[:, : len(encoding.scores)].mT
        bent = torch.tanh(STEEPNESS * (scores.unsqueeze(1) - self.bumps[:, None]))
        bent = bent * seen[:, encoding.scores].mT.unsqueeze(1)
        parts = [seen.mT, scores, bent.flatten(0, 1)]
        for j, size in zip(encoding.labels, encoding.sizes, strict=True):
            codes = torch.where(known[:, j], values[:, j], -1.0)
            parts.append((codes == torch.arange(size)[:, None]).to(values.dtype))
        return hidden_pass(self, torch.cat(parts)), *self.start(numbers, known_numbers)

    def _log_share(self, raw, mean, j):
        """Log shares (L, n) of the labels of column j."""
        if j in self.encoding.started:
            raw = raw + self.encoding.log_shares(mean, j)
        return torch.log_softmax(raw, 0)

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
        n_scores, encoding = len(at), self.encoding
        raw = raw[: self.cut].unflatten(0, (n_scores, 3 * self.n_components))
        mixtures = self._mixtures(raw, mean[:n_scores], deviation[:n_scores])
        if not encoding.ordered:
            return mixture_log_prob(at, *mixtures)
        out = torch.empty_like(at)
        numbers = [part[self.numbers] for part in mixtures]
        out[self.numbers] = mixture_log_prob(at[self.numbers], *numbers)
        codes = at[encoding.ordered].nan_to_num(0.0).long().clamp(min=0)
        edges = encoding.edges.gather(1, codes), encoding.edges.gather(1, codes + 1)
        own = (part[encoding.ordered] for part in mixtures)
        out[encoding.ordered] = interval_mass(*edges, *own)
        return out

    def _levels(self, mixture, i):
        """Shares of the levels that lie side by side on the axis of score i."""
        edges = self.encoding.edges_of(i)[:, None].expand(-1, mixture.loc.shape[1])
        parts = (p.unsqueeze(0) for p in (mixture.log_weight, mixture.loc, mixture.log_scale))
        return Levels(torch.log_softmax(interval_mass(edges[:-1], edges[1:], *parts), 0))
