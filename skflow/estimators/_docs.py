"""What all estimators' docstrings share, written once."""

import re
from inspect import cleandoc

__all__ = ["documented"]

SHARED_PARAMETERS = """
hidden_features : tuple of int or "auto", default="auto"
    Hidden layers of each net; (64, 64), or (128, 128) above 10,000 rows and 4 columns, and twice
    that from 750,000 rows on.
mixing : {"plu", "qr", "orthogonal", "pca", "permutation", "reverse", "none"}
    Linear map between layers. "plu" is learnt and starts at a reversal of the features, "qr" at
    the identity; "orthogonal" is a rotation, learnt from the identity, and "pca" one learnt from
    the principal directions; the others are fixed.
order : {"natural", "reversed", "random"} or sequence of int, default="natural"
    Order in which the first autoregressive layer takes the columns, whose indices a sequence
    holds once each; "random" is drawn from ``random_state``, alike for all members. Of coupling
    layers, the first half in this order is the half that steers first. Latents come in the order
    of the columns all the same.
image_shape : tuple of int, default=None
    (channels, height, width) of the images that the rows of X are, in this order; without it
    rows are rows. With it "auto" means: one member, a normal base, hidden layers of 64 channels,
    batches of 64, a rate of 2e-3, no input noise, ``preprocessing="rescale"`` (none with
    ``levels``), and 2,000 steps, which grow with the square root of the rows above 1,500.
levels : int, default=None
    Says that X holds integers 0 to levels - 1; for images, which (n_features, 1, 1) makes of any
    rows. Scores are then of log probabilities: estimates, always the same for the same row, whose
    mean over the noise is a lower bound. They do not compare with those of ``levels=None``, which
    are of densities. Draws are integers, latents those of the middles of the integers' cells.
    It leaves no room for ``support``, ``resolution``, ``periodic``, ``preprocessing`` and
    ``input_noise``.
n_scales : int or "auto", default="auto"
    Scales of images; rows have one. Each halves height and width and, but for the last, lets half
    of the channels leave. "auto" halves down to 2 pixels, three times at most.
dequantization : {"uniform", "variational"}, default="uniform"
    With ``levels``, the noise that fills the cells between integers: uniform, or by a conditional
    flow that is trained along, which tightens the bound and takes longer.
memory_efficient : bool, default=False
    For images: keep no activations of the steps in training, and compute them again from the
    outputs by the inverse. The memory of a training step then hardly grows with ``n_layers``;
    its time does by about a quarter, more where the inverse is searched for.
mixed_precision : bool, default=False
    For images: in training the nets multiply in bfloat16, for GPUs; all else stays in ``dtype``.
preprocessing : str, default="auto"
    Scaling of the columns, after the maps of declared bounds: "standardize", "rescale" (one
    centre and scale for all columns), "whiten", "gaussianize", "none", or "auto". "gaussianize"
    maps each column to normal scores by a smooth fit of its distribution function. For trained
    flows "auto" takes it where a mixture of Gaussians behind it foretells held-out rows clearly
    better than behind "standardize" (by 0.02 + 10 / n_samples nats a column), and otherwise
    standardises; images it rescales. Kernels with a background take it where rows that neither
    preprocessing nor kernels have seen are at most 0.02 nats a column less likely for it, or under
    ``support`` as much likelier; what else is fitted in one go standardises. "none" scales
    constant columns only, and all others where the dtype cannot hold their units. The Jacobian is
    counted, so that log densities are in the units of X whatever is chosen. The tails of every
    column are bent in as far as the rows ask for it: light ones stay as they are, heavy ones are
    as heavy as those of the rows, and what lies far beyond all rows (half a range of them, behind
    normal scores three) costs about the square of the logarithm of its distance.
    Columns with ``base="student_t"`` are not bent, and are standardised by the location and scale
    of a Student-t fitted to them.
base : str or sequence of str, default="auto"
    Distribution of the latents: "normal", "student_t", "uniform", "mixture", or a sequence with
    one of these for each column of X, whose latent starts as that column. Columns of one name
    share a distribution, so that those of "mixture" may depend on each other. "mixture" is a
    Gaussian mixture, its size, shape and regularisation cross-validated and started by EM on the
    training rows, so that training starts from a tuned mixture and improves on it; "auto" takes
    it, but "student_t" where one column is given a context and neither normal scores nor
    ``support`` stand before it. "student_t" learns the degrees of freedom of each column
    (``tail_index_``), and nothing in front of it changes how fast tails fall, unless
    ``preprocessing="gaussianize"`` or ``support`` does.
    "uniform" has latents between 0 and 1, like probability integral transforms; far out
    the last digit of their distance from 1 is lost, and with it the way back to X.
support : dict {column index or name: (low, high)}, default=None
    Declared bounds, either may be None. The density is zero outside and samples stay inside; at a
    bound it may be flat, fall to zero or rise like any power. A value exactly on a bound is
    scored slightly inside it.
resolution : dict {column index or name: step}, default=None
    Declared grids: every value of the column is spread over the step, centred on it, whether it
    repeats or not; 0 spreads nothing. Other columns are searched for values that repeat. Declare
    the steps where densities of several tables are compared, as in Bayes' rule: the search may
    find a step of 1 in one of them and of 2 in the other.
periodic : dict {column index or name: period}, default=None
    Hours (24) and angles (360): values a period apart are the same. The circle is cut open where
    the rows are rarest, and between cuts the column has bounds as if ``support`` declared them:
    over one period the density integrates to 1. At the cut it need not be continuous. Draws are
    between 0 and the period, or half a period to both sides of 0 where the table had its values
    there.
context_columns : sequence of column indices or names, default=None
    Columns of X that are not modelled but given: the density is that of the other columns, given
    these. They may hold categories, dates and holes (see ``context`` of ``fit``). Searches and
    pipelines then need no metadata routing. Latents, draws, ``n_features_in_``, and the indices
    in ``support``, ``resolution``, ``periodic``, ``base`` and ``order`` count the other columns.
n_members : int or "auto", default="auto"
    Members of a cross-fitted ensemble: each holds out its own fold for early stopping, and the
    density is their equal mixture, so that all rows are used. Members train together. "auto" is
    5, 2 above 5,000 rows, and 1 below 20 rows, where nothing is held out.
max_epochs : int or "auto", default="auto"
    Passes over the training rows, at most. "auto" allows 300 + 220 n_features steps, at most
    2,500, fewer in very wide and more in very long tables; most small tables stop early. Of
    1,000,000 rows it is three passes, of 20,000,000 one.
batch_size : int or "auto", default="auto"
    Rows per step and member; "auto" is a quarter of the training rows, from 32 to 512, and 1,024
    from 750,000 rows on.
learning_rate : float or "auto", default="auto"
    Of AdamW at the start; it falls to zero along a cosine. "auto" grows with the square root of
    the number of rows, from 2e-3 below 150 rows to 8e-3 above 2,400, and falls with it from
    200,000 rows on, to 2e-3 at 3,200,000. Weights are averaged over the last 50 steps or so
    before they are validated and kept.
weight_decay : float, default=0.01
    AdamW's, of the matrices of the nets: what is learnt slowly fades at this rate.
dropout : float or "auto", default="auto"
    Share of hidden units dropped in training; "auto" is 0.1 below 5,000 rows, else 0.
input_noise : float or "auto", default="auto"
    Standard deviation of the Gaussian noise added to the preprocessed rows in training; "auto"
    is 0.05 up to 300 rows, falling with the square root of the rows to 0 at 5,000. Given a
    context the unit is what a linear regression on it leaves of a column, and "auto" is 0.1 up to
    1,000 rows.
validation_fraction : float or "auto", default="auto"
    Share of the rows that each member holds out, at most one part in ``n_members``; "auto" is
    0.2 below 1,000 rows, else 0.1. 0 trains a single member on all rows, without early stopping.
n_iter_no_change : int, None or "auto", default="auto"
    Epochs without a better validation loss after which training stops; "auto" is as many as make
    50 steps and 3 at least, None never stops early. Members that were never better than their
    start first go back there, at a quarter of the rate, twice at most.
max_seconds : float, default=None
    Time for the whole fit, of which single steps may take a little more: choices of
    preprocessing and mixture end with what was found by then, training with its best weights. A
    warning says what was left out. None takes the time it takes: the same on any machine.
checkpoint : str or path, default=None
    Folder in which the state of the training is kept, written every two minutes, in one step, and
    when a fit ends early. A fit with the same parameters and rows (weights, context) that finds a
    state there goes on from it, and ends with the weights that it would have had without the
    break; any other fit has files of its own, so that the candidates of a search may share a
    folder. After Ctrl-C, an error, or the end of ``max_seconds``, of which the next fit may have
    more, files stay; after a fit that ended by itself they are removed. A ``random_state`` of None
    or a RandomState gets the seed of the fit that goes on. A warm start goes on if it starts from
    the same fit. What comes before training is worked out again. ``partial_fit`` writes none.
n_jobs : int, default=None
    Threads: for members of an ensemble side by side in training, where batches have 512 rows (as
    "auto" has them above 2,300 rows), and for blocks of rows and draws in long tables. The result
    is the same for any number. None is 1 unless a ``joblib.parallel_config`` says otherwise, -1
    all cores.
device : str, default="cpu"
    "cpu", "cuda", "cuda:<index>", or "auto" for a GPU if there is one. Fitted models live on
    the CPU.
dtype : {"float32", "float64"}, default="float32"
    Of the flow; the preprocessing is float64 always.
random_state : int, RandomState instance or None, default=None
    Of all that a fit draws: folds, starts, batches, noise. None draws anew at each fit.
verbose : int, default=0
    From 1 a line for each stage of the fit, and a bar with the held-out loss, the best one so far
    and its epoch, and the patience: how many epochs may pass until a better one.
warm_start : bool, default=False
    Go on from the previous fit instead of starting anew. What shapes the flow must be as it was:
    a ValueError names the parameter that has changed. "auto" is then what it was, too.
"""

SHARED_ATTRIBUTES = """
flow_ : skflow.flow.Flow or skflow.flow.Ensemble
    The fitted torch module, on the CPU.
history_ : list of dict
    One record an epoch, or a stretch of a source that does not fit in memory: ``epoch``,
    ``learning_rate``, ``train_loss`` and ``validation_loss`` (means over members, in nats, of
    preprocessed rows), ``member_train_losses`` and ``member_validation_losses`` (lists with those
    of each member) and ``seconds``.
preprocessing_ : str
    What ``preprocessing="auto"`` came to.
tail_index_ : ndarray of shape (n_features,)
    Power at which the tails of each latent column fall, the mean over members: the degrees of
    freedom with ``base="student_t"``, for each member in ``flow_.base.df``; infinite with other
    bases. With one layer, or ``mixing="none"``, they are those of the columns of X.
n_iter_ : int
    Epochs trained, the records of ``history_``.
stopped_by_ : str
    "max_epochs", "n_iter_no_change", "max_seconds", "interrupt", "callback" where one asked to
    stop, or "diverged" where no step was finite and the untrained start was kept.
validation_score_ : float
    Mean log density of held-out rows by the members that did not see them, in nats and in the
    units of X; of the training rows where none were held out.
held_out_scores_ : ndarray of shape (n_samples,)
    Log density of each training row by the member that did not train on it, NaN where all members
    did or the weight is 0: cross-validated scores that cost no further fit. All NaN after a warm
    start, and where ``max_seconds`` left no time. Where a member is alone or holds ten rows or
    more its training ended where these were likeliest, else where those of the others were; and
    what members share has seen all rows: the choice of the preprocessing, the size of a
    mixture base, and in long tables the preprocessing itself. Of 30 rows of normal columns that
    leaves 0.08 nats (standard error 0.06) above what single members give new rows, and of 100
    rows 0.03 to 0.07; ``score``, which is the better ensemble's, is met within 0.1.
held_out_by_ : ndarray of shape (n_samples,), int
    The member that held each training row out, -1 for none.
held_out_at_ : ndarray of shape (n_held_out,), int
    Only after a fit to a source that does not fit in memory: the positions of the rows that were
    held out, to which alone ``held_out_scores_`` and ``held_out_by_`` belong then.
n_rows_seen_ : int
    Rows of positive weight that were trained on or held out: all, unless time was up. After
    ``partial_fit`` the rows of all calls, with those of a fit that it goes on from.
stream_history_ : list of dict
    Of ``partial_fit``, a record of each block that was learnt: ``n_rows_seen``, ``n_rows`` of the
    block; ``score_before``, its mean log density before it was learnt, ``level_before``, that of
    held-out rows of before, and ``standard_error`` of the difference; ``drift``, whether a
    warning was given, ``drifting_columns`` with the distance between distribution functions,
    those of the context behind those of X; ``held_out_score`` and ``n_held_out`` afterwards;
    ``settled``, whether an ordinary fit was made, and ``taken``, whether the weights of the pass
    were, which are not if held-out rows are less likely by them.
context_ : ContextColumns or None
    How the columns of the context were read, if there was one.
n_context_ : int
    Their number, 0 without a context.
observation_ : Observation
    What the fit knows of its table: ``continuous``, ``bounds``, repeated values in ``ties``.
plan_ : Plan
    All that was settled before training; the attributes below that end in ``_`` show it.
dequantized_features_ : dict {int: float}
    Columns whose values repeat and the width over which they were spread in training: their
    likelihood would have no bound otherwise. Scores are those of the density of the spread
    values; on a grid of gap g, density times g approximates a value's probability.
support_bounds_ : tuple of four ndarray of shape (n_features,)
    The declared bounds low and high, infinite where there are none, of periodic columns the cuts,
    and the positions at which values on them are scored.
n_features_in_ : int
feature_names_in_ : ndarray of str
    Only if X had column names.
n_layers_, base_, n_members_, max_epochs_, batch_size_, ...
    What "auto" came to, for each parameter that accepts it. ``validation_fraction_`` is the share
    of the distinct rows that a member holds out in fact.
"""


CLASSICAL_ATTRIBUTES = (
    "flow_",
    "context_",
    "n_context_",
    "observation_",
    "preprocessing_",
    "dequantized_features_",
    "support_bounds_",
    "n_features_in_",
    "feature_names_in_",
)


def _entries(text, names):
    """Take the entries with the given names from a numpydoc section, in its order."""
    entries = re.split(r"\n(?=\S)", text.strip())
    return "\n".join(entry for entry in entries if entry.split(" ")[0] in names)


def documented(cls):
    """Fill in the parts of a class docstring that estimators share, by their marks.

    "{parameters}" is replaced by the shared parameters that the class has and does not explain
    itself, "{attributes}" by all shared attributes, "{classical attributes}" by those of flows
    that are not trained.
    """
    if cls.__doc__:
        doc = cleandoc(cls.__doc__)
        fields, explained = set(cls.__dataclass_fields__), set(re.findall(r"^(\w+) :", doc, re.M))
        sections = {
            "{parameters}": _entries(SHARED_PARAMETERS, fields - explained),
            "{attributes}": SHARED_ATTRIBUTES.strip(),
            "{classical attributes}": _entries(SHARED_ATTRIBUTES, CLASSICAL_ATTRIBUTES),
        }
        for mark, section in sections.items():
            doc = doc.replace(mark, section)
        cls.__doc__ = doc
    return cls
