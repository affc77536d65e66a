"""The stack of bits that symbols are pushed to and popped from."""

import numpy as np

__all__ = ["Pops", "Pushes", "Stack"]

WORD = np.dtype("<u4")


class Stack:
    """Asymmetric numeral systems [1]_, by constriction.

    What was pushed last is popped first. Popping symbols that nobody pushed takes bits of what
    lies below, and pushing them again puts these back; an empty stack gives zeros, for free.

    Parameters
    ----------
    data : bytes
        Of a stack that was written before.

    References
    ----------
    .. [1] Duda (2009), Asymmetric numeral systems, arXiv:0902.0271.
    """

    def __init__(self, data=b""):
        constriction = _constriction()
        self.model = constriction.stream.model.Categorical(perfect=False)
        words = np.frombuffer(data, dtype=WORD).astype(np.uint32)
        self.coder = constriction.stream.stack.AnsCoder(words)

    def push(self, symbols, probabilities):
        """Push symbols (n,) with rows of probabilities (n, k), of any scale."""
        if probabilities.shape[1] > 1 and len(symbols):
            symbols = np.ascontiguousarray(symbols, dtype=np.int32)
            self.coder.encode_reverse(symbols, self.model, _table(probabilities))

    def pop(self, probabilities):
        """Pop symbols (n,), int64, with rows of probabilities (n, k)."""
        n, k = probabilities.shape
        if k == 1 or not n:
            return np.zeros(n, dtype=np.int64)
        return self.coder.decode(self.model, _table(probabilities)).astype(np.int64)

    def to_bytes(self):
        """Return all that is on the stack."""
        return self.coder.get_compressed().astype(WORD).tobytes()


class Pushes:
    """Symbols on their way to a stack, in the order in which they are to be popped."""

    def __init__(self):
        self.pairs = []

    def code(self, probabilities, symbols):
        """Keep symbols (n,) with their probabilities (n, k), and return them."""
        self.pairs.append((symbols, probabilities))
        return symbols

    def flush(self, stack):
        """Push all, the last ones first."""
        for symbols, probabilities in reversed(self.pairs):
            stack.push(symbols, probabilities)
        self.pairs = []


class Pops:
    """Symbols that are popped from a stack when they are asked for."""

    def __init__(self, stack):
        self.stack = stack

    def code(self, probabilities, symbols=None):
        """Pop symbols (n,) with probabilities (n, k)."""
        del symbols  # nobody knows them yet
        return self.stack.pop(probabilities)


def _table(probabilities):
    return np.ascontiguousarray(probabilities, dtype=np.float32)


def _constriction():
    try:
        import constriction
    except ImportError as error:
        raise ImportError(
            'codes need constriction: pip install "skflow[codes]" (or constriction).'
        ) from error
    return constriction
