"""A log density of a user, asked for the first time: whether it takes arrays or tensors."""

__all__ = ["asked_of_torch", "first_asked"]


def first_asked(function, x, hint=""):
    """Ask a function with an array, and with a tensor where it does not take that.

    Parameters
    ----------
    function : callable
    x : ndarray
        Rows, or a point; the function gets a copy.
    hint : str, default=""
        For the note of an error, which ends with it.

    Returns
    -------
    value : object
    takes_torch : bool
        Whether a tensor was needed.

    Raises
    ------
    Exception
        What the function raised for the array, with a note of what it raised for the tensor.
    """
    try:
        return function(x.copy()), False
    except Exception as error:
        try:
            return asked_of_torch(function, x), True
        except Exception as other:
            error.add_note(
                f"Raised by log_density, called with a float64 array of shape {x.shape}; with a "
                f"torch tensor of that shape it raised {type(other).__name__}: {other}.{hint}"
            )
            raise error from None


def asked_of_torch(function, x):
    """Value of a function for a float64 tensor of x, without gradients."""
    import torch

    with torch.no_grad():
        return function(torch.tensor(x, dtype=torch.float64))
