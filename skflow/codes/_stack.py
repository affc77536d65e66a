"""The stack of bits that symbols are pushed to and popped from."""

import numpy as np

__all__ = ["NARROWEST", "Pops", "Pushes", "Stack"]

WORD = np.dtype("<u4")
REACH = 4_096  # of whole numbers from where they are expected; others are written out
BITS, LARGEST = 48, 2**48 - 1  # of these
FAR = np.array([1 - 2.0**-20, 2.0**-20])
NARROWEST = 0.1  # deviation, below which all lies in one whole number
PIECE = 8  # bits in one symbol


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
        constriction = constriction_of()
        self.model = constriction.stream.model.Categorical(perfect=False)
        words = np.frombuffer(data, dtype=WORD).astype(np.uint32)
        self.coder = constriction.stream.stack.AnsCoder(words)

    def fill(self, words):
        """Put words of 32 bits on an empty stack."""
        self.coder = constriction_of().stream.stack.AnsCoder(words.astype(np.uint32))

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

    def push_near(self, whole, mean, deviation):
        """Push whole numbers (n,) near the means (n,) of normals with some deviations."""
        offset = whole - np.round(mean)
        far = np.abs(offset) > REACH
        self.push_bits((whole[far].astype(np.int64)) & LARGEST, BITS)
        model, rest = self._near(mean, deviation)
        self.coder.encode_reverse(offset[~far].astype(np.int32), model, *(r[~far] for r in rest))
        self.push(far.astype(np.int64), np.broadcast_to(FAR, (len(far), 2)))

    def pop_near(self, mean, deviation):
        """Pop whole numbers (n,) near the means (n,) of normals with some deviations."""
        far = self.pop(np.broadcast_to(FAR, (len(mean), 2))).astype(bool)
        model, rest = self._near(mean, deviation)
        whole = np.round(mean)
        whole[~far] += self.coder.decode(model, *(r[~far] for r in rest))
        wide = self.pop_bits(int(far.sum()), BITS)
        whole[far] = np.where(wide > LARGEST // 2, wide - LARGEST - 1, wide)
        return whole

    def push_bits(self, whole, bits):
        """Push whole numbers (n,) from 0 to 2 ** bits - 1, all as probable."""
        for shift in range(0, bits, PIECE):
            size = min(PIECE, bits - shift)
            self.push((whole >> shift) & (2**size - 1), _even(len(whole), 2**size))

    def pop_bits(self, n, bits):
        """Pop whole numbers (n,) of so many bits."""
        whole = np.zeros(n, dtype=np.int64)
        for shift in reversed(range(0, bits, PIECE)):
            size = min(PIECE, bits - shift)
            whole |= self.pop(_even(n, 2**size)) << shift
        return whole

    def _near(self, mean, deviation):
        quantized = constriction_of().stream.model.QuantizedGaussian(-REACH, REACH)
        return quantized, (mean - np.round(mean), np.maximum(deviation, NARROWEST))

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


def constriction_of():
    try:
        import constriction
    except ImportError as error:
        raise ImportError(
            'codes need constriction: pip install "skflow[codes]" (or constriction).'
        ) from error
    return constriction


def _even(n, k):
    return np.broadcast_to(np.float32(1 / k), (n, k))
