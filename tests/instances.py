"""One small instance of everything, by name: what the property tests run over.

A new bijection, elementwise map, base or estimator adds its line here and is tested with all
properties of its kind. Values are constructors, so that no two tests share parameters.
"""

from functools import partial

import torch

import skflow
from skflow.architectures import POSTERIORS, amortized_flow
from skflow.bases import GaussianMixture, Normal, Product, StudentT, Uniform
from skflow.bijections import (
    PLU,
    QR,
    ActNorm,
    Additive,
    Affine,
    Autoregressive,
    BoundedToNormal,
    Chain,
    Composed,
    ConditionalElementwise,
    Conditioned,
    Continuous,
    Coupling,
    DeepSigmoid,
    Diagonal,
    Inverse,
    LinearShift,
    LogisticToNormal,
    MarginalGaussianization,
    MixtureLogisticCDF,
    MixtureNormalCDF,
    MonotoneNet,
    NormalScores,
    Orthogonal,
    Permutation,
    Planar,
    PReLU,
    Radial,
    RationalQuadraticSpline,
    Residual,
    Reverse,
    SinhArcsinh,
    SoftTails,
    Standardize,
    SupportMap,
    Sylvester,
    Triangular,
    TukeyTails,
    UnconstrainedMonotone,
    Whiten,
)
from skflow.bijections._beside import Beside
from skflow.bijections._coupling import coupling_sizes
from skflow.bijections._gaussianize import Gaussianize, GaussianizeMarginals
from skflow.estimators._trained import BaseFlowDensity
from skflow.nets import MADE, MLP, Encoder, LipschitzMLP, VelocityNet
from tests.photographs import IMAGE_BIJECTIONS, image_rows

N_FEATURES = 4
N_CONTEXT = 2
INF = float("inf")

ELEMENTWISE = {
    "Additive": Additive,
    "Affine": Affine,
    "Affine, tight": partial(Affine, max_log_scale=0.5),
    "RationalQuadraticSpline": RationalQuadraticSpline,
    "RationalQuadraticSpline, 2 bins": partial(RationalQuadraticSpline, n_bins=2, bound=1.0),
    "PReLU": PReLU,
    "SinhArcsinh": SinhArcsinh,
    "SinhArcsinh, short": partial(SinhArcsinh, bound=2.0),
    "MixtureLogisticCDF": MixtureLogisticCDF,
    "MixtureLogisticCDF, 1 component": partial(MixtureLogisticCDF, n_components=1),
    "DeepSigmoid": partial(DeepSigmoid, n_units=4),
    "DeepSigmoid, 1 unit": partial(DeepSigmoid, n_units=1, n_layers=1),
    "MonotoneNet": MonotoneNet,
    "MonotoneNet, 1 unit": partial(MonotoneNet, 1, (1,)),
    "UnconstrainedMonotone": UnconstrainedMonotone,
    "UnconstrainedMonotone, 1 unit": partial(UnconstrainedMonotone, 1, (1,)),
    "Composed": lambda: flow_plus_plus(),
    "Composed, with weights": lambda: Composed([MonotoneNet(2, (4,)), Affine()]),
    "MixtureNormalCDF": MixtureNormalCDF,
    "MixtureNormalCDF, 1 component": partial(MixtureNormalCDF, n_components=1),
}


def tukey_tails(n_features):
    """Tails of rows that are heavy on both sides and begin near the middle."""
    heavy = torch.distributions.StudentT(1.5)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        rows = heavy.sample((200, n_features)).double()
    return TukeyTails.from_data(rows)


def flow_plus_plus():
    return Composed([MixtureLogisticCDF(4), Affine()])


def coupling(elementwise, n_features=N_FEATURES, n_context=0, swap=False, residual=False):
    n_steering, n_moved = coupling_sizes(n_features, swap)
    sizes = (n_steering, n_moved, elementwise.n_params)
    return Coupling(n_features, elementwise, MLP(*sizes, **_net(n_context, residual)), swap)


def autoregressive(elementwise, n_features=N_FEATURES, n_context=0, residual=False):
    net = MADE(n_features, elementwise.n_params, **_net(n_context, residual))
    return Autoregressive(elementwise, net)


def residual(n_features=N_FEATURES, n_context=0, hidden_features=(16, 16), **settings):
    lipschitz = settings.pop("lipschitz", 0.9)
    return Residual(LipschitzMLP(n_features, hidden_features, n_context, lipschitz), **settings)


def _net(n_context, residual):
    return {
        "hidden_features": (16, 16),
        "n_context": n_context,
        "residual": residual,
        "dropout": 0.1,
    }


def continuous(n_features=N_FEATURES, n_context=0, hidden_features=(8, 8), **settings):
    net = VelocityNet(n_features, hidden_features, n_context)
    return Continuous(net, tolerance=1e-8, **settings)


def conditional(elementwise, n_features=N_FEATURES):
    sizes = (N_CONTEXT, n_features, elementwise.n_params)
    return ConditionalElementwise(elementwise, MLP(*sizes, hidden_features=(16,)))


def conditioned(build):
    return Conditioned(Encoder(N_CONTEXT, (16, 5)), build(n_context=5))


def posterior(flow, n_features=N_FEATURES, **settings):
    small = {"hidden_features": (16,), "encoder_features": (16, 5)}
    return amortized_flow(n_features, N_CONTEXT, flow=flow, **small | settings).bijection


def _chain(n_context=0):
    return Chain(
        [
            ActNorm(N_FEATURES),
            coupling(Affine(), n_context=n_context),
            PLU(N_FEATURES),
            autoregressive(RationalQuadraticSpline(), n_context=n_context),
            Inverse(coupling(Affine(), n_context=n_context, swap=True)),
            Diagonal(N_FEATURES),
        ]
    )


BIJECTIONS = {
    "Permutation": partial(Permutation, [2, 0, 3, 1]),
    "Permutation.random": partial(Permutation.random, N_FEATURES, seed=0),
    "Reverse": partial(Reverse, N_FEATURES),
    "Diagonal": partial(Diagonal, N_FEATURES),
    "Triangular": partial(Triangular, N_FEATURES),
    "PLU": partial(PLU, N_FEATURES),
    "PLU.random": partial(PLU.random, N_FEATURES, seed=0),
    "QR": partial(QR, N_FEATURES),
    "Orthogonal": partial(Orthogonal, N_FEATURES),
    "Orthogonal, principal directions": partial(Orthogonal, N_FEATURES, start="pca"),
    "Orthogonal, 2 reflections": partial(Orthogonal, N_FEATURES, n_reflections=2),
    "Orthogonal, random": partial(Orthogonal, N_FEATURES, start="random"),
    "Planar": partial(Planar, N_FEATURES),
    "Radial": partial(Radial, N_FEATURES),
    "Sylvester": partial(Sylvester, N_FEATURES),
    "Sylvester, 1 direction": partial(Sylvester, N_FEATURES, 1),
    "Sylvester, 3 directions": partial(Sylvester, N_FEATURES, 3),
    "Inverse(Planar)": lambda: Inverse(Planar(N_FEATURES)),
    "Inverse(Radial)": lambda: Inverse(Radial(N_FEATURES)),
    "Inverse(Sylvester)": lambda: Inverse(Sylvester(N_FEATURES, 2)),
    "ActNorm": partial(ActNorm, N_FEATURES),
    "Standardize": partial(Standardize, N_FEATURES),
    "Whiten": partial(Whiten, N_FEATURES),
    "TukeyTails": partial(tukey_tails, N_FEATURES),
    "TukeyTails, far out": lambda: TukeyTails(N_FEATURES).left_alone(0.5),
    "SoftTails": partial(SoftTails, N_FEATURES, threshold=1.0),
    "SupportMap": partial(SupportMap, [-INF, -5.0, -INF, -4.0], [INF, INF, 5.0, 6.0]),
    "BoundedToNormal": partial(BoundedToNormal, [-INF, -5.0, -INF, -4.0], [INF, INF, 5.0, 6.0]),
    "MarginalGaussianization": partial(MarginalGaussianization, N_FEATURES),
    "MarginalGaussianization, 1 component": partial(MarginalGaussianization, N_FEATURES, 1),
    "NormalScores": partial(NormalScores, N_FEATURES),
    "Inverse(MarginalGaussianization)": lambda: Inverse(MarginalGaussianization(N_FEATURES)),
    "GaussianizeMarginals": partial(GaussianizeMarginals, N_FEATURES),
    "Gaussianize": partial(Gaussianize, N_FEATURES),
    "Inverse(SupportMap)": lambda: Inverse(BIJECTIONS["SupportMap"]()),
    "Inverse(BoundedToNormal)": lambda: Inverse(BIJECTIONS["BoundedToNormal"]()),
    "Inverse(PLU)": lambda: Inverse(PLU.random(N_FEATURES, seed=1)),
    "Inverse(Inverse(Triangular))": lambda: Inverse(Inverse(Triangular(N_FEATURES))),
    "Coupling, swapped": lambda: coupling(Affine(), swap=True),
    "Coupling, odd": lambda: coupling(RationalQuadraticSpline(), n_features=5),
    "Coupling, odd and swapped": lambda: coupling(Affine(), n_features=5, swap=True),
    "Coupling, residual": lambda: coupling(Affine(), residual=True),
    "Autoregressive, residual": lambda: autoregressive(Affine(), residual=True),
    "Autoregressive, residual with context": lambda: autoregressive(
        RationalQuadraticSpline(), n_context=N_CONTEXT, residual=True
    ),
    "Autoregressive, many features": lambda: autoregressive(Affine(), n_features=19),
    "Continuous": continuous,
    "Continuous with context": partial(continuous, n_context=N_CONTEXT),
    "Continuous, d = 1": partial(continuous, 1, hidden_features=(8,)),
    "Continuous, three hidden layers": partial(continuous, hidden_features=(8, 6, 4)),
    "Continuous, estimated in training": partial(continuous, trace="hutchinson", kinetic=0.1),
    "Residual": residual,
    "Residual, d = 1": partial(residual, 1),
    "Residual, narrow and with context": partial(residual, N_FEATURES, N_CONTEXT, (8, 3)),
    "Residual, power series": partial(
        residual, hidden_features=(8,), lipschitz=0.5, exact_limit=0, series_tolerance=1e-12
    ),
    "Inverse(Residual)": lambda: Inverse(residual()),
    "Inverse(Residual) with context": lambda: Inverse(residual(n_context=N_CONTEXT)),
    "ConditionalElementwise(Affine) with context": lambda: conditional(Affine()),
    "ConditionalElementwise(Affine), d = 1 with context": lambda: conditional(Affine(), 1),
    "ConditionalElementwise(spline) with context": lambda: conditional(RationalQuadraticSpline()),
    "Inverse(ConditionalElementwise(Affine)) with context": lambda: Inverse(conditional(Affine())),
    "LinearShift with context": partial(LinearShift, N_FEATURES, N_CONTEXT),
    "LinearShift, d = 1 with context": partial(LinearShift, 1, N_CONTEXT),
    "Inverse(LinearShift) with context": lambda: Inverse(LinearShift(N_FEATURES, N_CONTEXT)),
    "Conditioned(Chain) with context": partial(conditioned, _chain),
    "Conditioned(Residual) with context": partial(conditioned, residual),
    **{
        f"amortized_flow, {flow}{size} with context": partial(posterior, flow, n_features)
        for flow in POSTERIORS
        for n_features, size in ((N_FEATURES, ""), (1, ", d = 1"))
    },
    "amortized_flow, no encoder, with context": partial(posterior, "iaf", encoder_features=()),
    "Chain": _chain,
    "Chain with context": partial(_chain, N_CONTEXT),
    "Chain of nothing": partial(Chain, []),
    "Beside": lambda: Beside([PLU(1), Chain([PLU(3), SoftTails(3)])], [1, 3]),
    "LogisticToNormal": LogisticToNormal,
    **IMAGE_BIJECTIONS,
    **{
        f"{cls.__name__}, d = 1": partial(cls, 1)
        for cls in (
            Reverse,
            Diagonal,
            Triangular,
            PLU,
            QR,
            Orthogonal,
            Planar,
            Radial,
            Sylvester,
            ActNorm,
            Standardize,
            Whiten,
            SoftTails,
            MarginalGaussianization,
            NormalScores,
        )
    },
}


def _add_network_bijections():
    for structure in (coupling, autoregressive):
        for elementwise in (
            Additive,
            Affine,
            RationalQuadraticSpline,
            PReLU,
            SinhArcsinh,
            MixtureLogisticCDF,
            DeepSigmoid,
            MonotoneNet,
            UnconstrainedMonotone,
            flow_plus_plus,
            MixtureNormalCDF,
        ):
            name = f"{structure.__name__.title()}({elementwise.__name__})"
            for n_features, size in ((N_FEATURES, ""), (1, ", d = 1")):
                for n_context, suffix in ((0, ""), (N_CONTEXT, " with context")):
                    build = partial(_build, structure, elementwise, n_features, n_context)
                    BIJECTIONS[f"{name}{size}{suffix}"] = build
                    BIJECTIONS[f"Inverse({name}){size}{suffix}"] = partial(_inverted, build)


def _build(structure, elementwise, n_features, n_context):
    return structure(elementwise(), n_features, n_context)


def _inverted(build):
    return Inverse(build())


_add_network_bijections()


def rows_for(name, n_rows=9):
    """Rows (n, d) and context (n, c) or None, in float64, for the bijection of that name."""
    if name in IMAGE_BIJECTIONS:
        x, context = image_rows()
        return x, context if "context" in name else None
    n_features = N_FEATURES
    if "d = 1" in name:
        n_features = 1
    elif "odd" in name:
        n_features = 5
    elif "many" in name:
        n_features = 19
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n_rows, n_features, generator=generator, dtype=torch.float64)
    context = torch.randn(n_rows, N_CONTEXT, generator=generator, dtype=torch.float64)
    return x, context if "context" in name else None


BASES = {
    "Normal": partial(Normal, 3),
    "Normal, d = 1": partial(Normal, 1),
    "StudentT": partial(StudentT, 3),
    "Uniform": partial(Uniform, 3),
    "GaussianMixture": partial(GaussianMixture, 3, 4),
    "GaussianMixture, one component": partial(GaussianMixture, 2, 1),
    "GaussianMixture, d = 1": partial(GaussianMixture, 1, 3),
    "Product": lambda: Product([StudentT(2), Uniform(1), Normal(1)], [[3, 0], [2], [1]]),
}


# TableDensity is of tables of any kind, and has tests of its own.
DENSITIES = [
    getattr(skflow, name)
    for name in skflow.__all__
    if name.endswith("Density") and name != "TableDensity"
]
TRAINED = [cls for cls in DENSITIES if issubclass(cls, BaseFlowDensity)]
# Flows in the wider sense: they have latents and declared bounds.
FLOWS = [cls for cls in DENSITIES if hasattr(cls, "transform")]


def accepted(cls, settings):
    """Return those of the settings that an estimator has a parameter for."""
    return {name: value for name, value in settings.items() if name in cls.__dataclass_fields__}


def quick(cls, **settings):
    """Return the cheapest instance of a density, for tests of all but its quality.

    Which preprocessing is likelier takes most of a fit to so few rows: tests that are about tables
    as they come ask for ``preprocessing="auto"``.
    """
    plain = {"preprocessing": "standardize"}
    if cls in TRAINED:
        small = {"n_layers": 1, "hidden_features": (8,), "max_epochs": 3, "n_members": 1}
        defaults = accepted(cls, {**small, **plain, "base": "normal"})
    elif cls is skflow.KernelFlowDensity:
        defaults = plain
    elif cls is skflow.MixtureFlowDensity:
        defaults = {"n_components": 2, "covariance_type": "full", "reg_covar": 1e-2}
    elif cls is skflow.StackedDensity:
        pairs = [
            (name, quick(skflow.MixtureFlowDensity, n_components=n, random_state=None))
            for name, n in (("gaussian", 1), ("mixture", 2))
        ]
        defaults = {"estimators": pairs, "cv": 2}
    else:
        defaults = {}
    return cls(**{**defaults, "random_state": 0, **settings})


def _small(name, **settings):
    defaults = {
        "n_layers": 3,
        "hidden_features": (32, 32),
        "n_members": 1,
        "max_epochs": 30,
        "preprocessing": "standardize",
        "learning_rate": 5e-3,
        "random_state": 0,
    }
    cls = getattr(skflow, name)
    return cls(**{**accepted(cls, defaults), **settings})


def _kernel():
    """Kernels in a stack: which preprocessing is likelier is tested by kernels alone."""
    return skflow.KernelFlowDensity(preprocessing="standardize")


def _stack():
    mixture = skflow.MixtureFlowDensity(n_components=8, covariance_type="full", reg_covar=1e-2)
    pairs = [("kernel", _kernel()), ("mixture", mixture)]
    return skflow.StackedDensity(pairs, cv=2, random_state=0)


def _stack_with_flow():
    pairs = [("flow", _small("MAFDensity", n_members=2)), ("kernel", _kernel())]
    return skflow.StackedDensity(pairs, cv=2, random_state=0)


def shortened(name):
    """Return that one of ESTIMATORS with the least to do, for tests of all but its quality."""
    model = ESTIMATORS[name]()
    known = model.get_params()
    least = {"max_epochs": 1, "n_layers": 1, "hidden_features": (8,)}
    if known.get("preprocessing") == "auto":
        least["preprocessing"] = "standardize"
    return model.set_params(**{key: value for key, value in least.items() if key in known})


# Where a mixture as base fits the rows of a test at once, layers above it may do nothing at all:
# most of these have a normal base.
ESTIMATORS = {
    "NICEDensity": partial(_small, "NICEDensity", n_layers=6),
    "RealNVPDensity": partial(_small, "RealNVPDensity", n_layers=6, base="student_t"),
    "MADEDensity": partial(_small, "MADEDensity", base="normal", n_layers=1),
    "MADEDensity, mixtures": partial(
        _small, "MADEDensity", n_layers=1, n_components=8, base="normal", order="reversed"
    ),
    "MAFDensity": partial(_small, "MAFDensity", base="normal"),
    "MAFDensity, uniform": partial(_small, "MAFDensity", base="uniform"),
    "MAFDensity, student_t": partial(_small, "MAFDensity", base="student_t", order="random"),
    "MAFDensity, ensemble": partial(_small, "MAFDensity", n_members=2, preprocessing="auto"),
    "IAFDensity": partial(_small, "IAFDensity", base="normal", preprocessing="whiten"),
    "NSFDensity": partial(_small, "NSFDensity", base="normal", preprocessing="auto"),
    "NSFDensity, coupling": partial(_small, "NSFDensity", structure="coupling"),
    "NSFDensity, gaussianized": partial(_small, "NSFDensity", preprocessing="gaussianize"),
    "GaussianizationFlowDensity": partial(_small, "GaussianizationFlowDensity"),
    "GlowDensity": partial(_small, "GlowDensity", base="normal", n_layers=6),
    "GlowDensity, additive": partial(_small, "GlowDensity", n_layers=6, coupling="additive"),
    "PlanarFlowDensity": partial(_small, "PlanarFlowDensity", base="normal", n_layers=4),
    "RadialFlowDensity": partial(_small, "RadialFlowDensity", n_layers=4),
    "SylvesterFlowDensity": partial(_small, "SylvesterFlowDensity", n_layers=2),
    "LinearFlowDensity": skflow.LinearFlowDensity,
    "LinearFlowDensity, qr": partial(
        skflow.LinearFlowDensity, parametrization="qr", preprocessing="gaussianize"
    ),
    "NAFDensity": partial(_small, "NAFDensity", base="normal"),
    "NAFDensity, monotone net": partial(
        _small, "NAFDensity", transformer="monotone_net", structure="coupling"
    ),
    "UMNNDensity": partial(
        _small, "UMNNDensity", base="normal", n_layers=2, n_units=8, n_nodes=16
    ),
    "UMNNDensity, coupling": partial(
        _small, "UMNNDensity", structure="coupling", n_layers=2, n_units=8, n_nodes=16
    ),
    "FlowPPDensity": partial(_small, "FlowPPDensity", base="normal", n_components=4),
    "ContinuousFlowDensity": partial(
        _small, "ContinuousFlowDensity", base="normal", n_layers=1, hidden_features=(16, 16)
    ),
    "ResidualFlowDensity": partial(_small, "ResidualFlowDensity", base="normal", n_layers=2),
    "KernelFlowDensity": skflow.KernelFlowDensity,
    "KernelFlowDensity, scalar": partial(
        skflow.KernelFlowDensity, bandwidth="scalar", n_neighbors=None
    ),
    "MixtureFlowDensity": skflow.MixtureFlowDensity,
    "StackedDensity": _stack,
    "StackedDensity, with a flow": _stack_with_flow,
}
