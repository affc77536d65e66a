"""Cells as the numbers that a net of conditionals starts from."""

import torch
from torch import nn

__all__ = ["LABELS", "NUMBER", "ORDERED", "Encoding"]

NUMBER, ORDERED, LABELS = "number", "ordered", "labels"
FARTHEST = 40.0  # deviations, where the first and the last level end
MOST_STARTED = 200  # numbers of labels that take part in the start, which costs their cube


class Encoding(nn.Module):
    """Scores of numbers and of ordered levels, and a number for each of few labels.

    Each has mean 0 and deviation 1 over the rows of the fit, as far as a smooth fit says. Of two
    labels the second alone has a number, which tells both.

    Parameters
    ----------
    columns : list of (str, ndarray or None)
        For each its kind, and if it has levels how often each occurs, with sum 1.

    Attributes
    ----------
    kinds : tuple of str
    scores : list of int
        Columns that have a score, in ascending order.
    labels : list of int
        Those of labels.
    started : list of int
        Of these, the ones whose labels are encoded: those with few, before those with many.
    column_of : list of int
        The column of each number of the encoding: scores first, then labels.
    """

    def __init__(self, columns):
        super().__init__()
        self.kinds = tuple(kind for kind, _ in columns)
        self.scores = [j for j, kind in enumerate(self.kinds) if kind != LABELS]
        self.labels = [j for j, kind in enumerate(self.kinds) if kind == LABELS]
        self.ordered = [i for i, j in enumerate(self.scores) if self.kinds[j] == ORDERED]
        self.sizes = [len(columns[j][1]) for j in self.labels]
        self._place_levels([columns[self.scores[i]][1] for i in self.ordered])
        self.started = self._few()
        self._place_labels([columns[j][1] for j in self.started])

    def scores_of(self, values):
        """Scores (n, s) of cells (n, d), NaN in holes."""
        scores = values[:, self.scores]
        if self.ordered:
            codes = scores[:, self.ordered]
            column = torch.arange(len(self.ordered))
            middle = self.middle[column, codes.nan_to_num(0.0).long().clamp(min=0)]
            scores[:, self.ordered] = middle.to(scores).where(~codes.isnan(), torch.nan)
        return scores

    def forward(self, values):
        """Encode cells (n, d): (n, e), NaN in holes."""
        codes = values[:, self.column_of[len(self.scores) :]]
        hot = (codes == self.level).to(values) - self.share.to(values)
        hot = (hot / self.deviation).where(~codes.isnan(), torch.nan)
        return torch.cat([self.scores_of(values), hot], dim=1)

    def log_shares(self, means, j):
        """Return logs of the shares (L, n) of labels for which means (e, n) of numbers stand."""
        first = self.column_of.index(j) - len(self.scores)
        own = slice(first, first + self.column_of.count(j))
        share, deviation = self.share[own, None], self.deviation[own, None]
        hot = means[len(self.scores) :][own] * deviation + share
        if len(hot) < self.sizes[self.labels.index(j)]:  # one number for both labels
            hot, share = (torch.cat([1 - part, part]) for part in (hot, share))
        # as of a linear regression, which may leave the range of shares
        return hot.maximum(0.1 * share).clamp(min=1e-4).log()

    def moments(self, i, log_share):
        """Means and variances (n,) of score i where its levels have logs of shares (L, n)."""
        share = log_share.exp()
        at = self.middle[self.ordered.index(i), : len(share)]
        mean = at @ share
        return mean, ((at[:, None] - mean).square() * share).sum(0)

    def edges_of(self, i):
        """Return the ends (L + 1,) of the levels of score i, side by side."""
        k = self.ordered.index(i)
        return self.edges[k, : self.n_ordered[k] + 1]

    def _few(self):
        found, total = [], 0
        for size, j in sorted(zip(self.sizes, self.labels, strict=True)):
            total += len(_numbered(size))
            if total <= MOST_STARTED:
                found.append(j)
        return sorted(found)

    def _place_levels(self, shares):
        """Lay ordered levels out side by side on the axis of a normal score."""
        self.n_ordered = [len(share) for share in shares]
        longest = max(self.n_ordered, default=0)
        edges = torch.full((len(shares), longest + 1), FARTHEST)
        middle = torch.zeros(len(shares), longest)
        for i, share in enumerate(shares):
            upto = torch.as_tensor(share).double().cumsum(0).clamp(max=1)
            upto = torch.cat([torch.zeros(1).double(), upto])
            ends = torch.special.ndtri(upto).clamp(-FARTHEST, FARTHEST)
            edges[i, : len(upto)], edges[i, len(share)] = ends.float(), FARTHEST
            middle[i, : len(share)] = torch.special.ndtri(0.5 * (upto[1:] + upto[:-1])).float()
        self.register_buffer("edges", edges)
        self.register_buffer("middle", middle)

    def _place_labels(self, shares):
        """Lay the labels that are encoded out one after the other."""
        numbered = [(torch.as_tensor(own).float(), _numbered(len(own))) for own in shares]
        share = torch.cat([torch.empty(0), *(own[which] for own, which in numbered)])
        self.register_buffer("level", torch.tensor([float(k) for _, own in numbered for k in own]))
        self.register_buffer("share", share)
        self.register_buffer("deviation", (share * (1 - share)).clamp(min=1e-6).sqrt())
        pairs = zip(self.started, numbered, strict=True)
        self.column_of = [*self.scores, *(j for j, (_, own) in pairs for _ in own)]


def _numbered(n_levels):
    """Which of so many labels have a number each."""
    return [1] if n_levels == 2 else list(range(n_levels))
