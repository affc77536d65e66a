"""The public names: a change here needs a line in CHANGELOG.md."""

import skflow
import skflow.adapters
import skflow.bases
import skflow.bijections
import skflow.diagnostics
import skflow.evidence
import skflow.guidance
import skflow.integration
import skflow.metrics
import skflow.plots
import skflow.scale
import skflow.testing

NAMES = {
    skflow: [
        "BrokenGuaranteeError",
        "CheckpointWarning",
        "CompressedDataError",
        "Compressor",
        "ContinuousFlowDensity",
        "DensityRatio",
        "DriftWarning",
        "FlowClassifier",
        "FlowImputer",
        "FlowOutlierDetector",
        "FlowPPDensity",
        "FlowRegressor",
        "FlowSampler",
        "FlowVariationalApproximator",
        "GaussianizationFlowDensity",
        "GlowDensity",
        "IAFDensity",
        "InverseNotConvergedError",
        "KernelFlowDensity",
        "LinearFlowDensity",
        "MADEDensity",
        "MAFDensity",
        "MixtureFlowDensity",
        "ModelFileError",
        "NAFDensity",
        "NICEDensity",
        "NSFDensity",
        "NotExportableError",
        "NotInvertibleError",
        "PlanarFlowDensity",
        "RadialFlowDensity",
        "RealNVPDensity",
        "ResidualFlowDensity",
        "SimulationPosterior",
        "StackedDensity",
        "StepLimitError",
        "SylvesterFlowDensity",
        "TableDensity",
        "TableReport",
        "TrainingDivergedError",
        "UMNNDensity",
        "check_posterior",
        "compare_densities",
        "compare_regressors",
        "diagnose",
        "distill",
        "integrate",
        "load",
        "log_evidence",
        "mutual_information",
        "recommend",
    ],
    skflow.adapters: ["SkproFlowDistribution", "SkproFlowRegressor"],
    skflow.diagnostics: [
        "CoverageDisplay",
        "DensityComparisonDisplay",
        "DensityDisplay",
        "ExpectedCoverageDisplay",
        "ExplanationDisplay",
        "FlowGridDisplay",
        "LatentDisplay",
        "LatentQQDisplay",
        "LocalTwoSampleDisplay",
        "ModelCard",
        "OutlierDisplay",
        "PITDisplay",
        "PosteriorPredictiveDisplay",
        "PredictiveDisplay",
        "RankDisplay",
        "ReliabilityDisplay",
        "TableReport",
        "TrainingCurveDisplay",
        "bits_per_dim",
        "bridge",
        "check_posterior",
        "compare_densities",
        "compare_regressors",
        "diagnose",
        "expected_coverage",
        "far_draws",
        "hdr_coverage",
        "latent_normality",
        "local_two_sample_test",
        "marginal_pits",
        "normalization",
        "order_agreement",
        "posterior_predictive",
        "round_trip_error",
        "sampler_agreement",
        "simulation_calibration",
        "standard_latents",
        "tail_comparison",
        "training_curves",
        "two_sample_test",
    ],
    skflow.evidence: ["LogEvidence", "log_evidence"],
    skflow.guidance: ["Cost", "Recommendation", "recommend"],
    skflow.integration: ["Integral", "UnweightedEvents", "integrate"],
    skflow.metrics: [
        "crps_of_draws",
        "get_scorer",
        "get_scorer_names",
        "interval_coverage",
        "interval_score",
        "pinball_loss",
    ],
    skflow.plots: [
        "CoverageDisplay",
        "DensityComparisonDisplay",
        "DensityDisplay",
        "ExpectedCoverageDisplay",
        "ExplanationDisplay",
        "FlowGridDisplay",
        "LatentDisplay",
        "LatentQQDisplay",
        "LocalTwoSampleDisplay",
        "OutlierDisplay",
        "PITDisplay",
        "PosteriorPredictiveDisplay",
        "PredictiveDisplay",
        "RankDisplay",
        "ReliabilityDisplay",
        "TrainingCurveDisplay",
    ],
    skflow.scale: ["data_parallel"],
    skflow.testing: ["check_bijection", "check_conditional_density", "check_density"],
}


def test_public_names():
    for module, names in NAMES.items():
        assert sorted(set(module.__all__) - {"__version__"}) == names


def test_public_names_exist():
    modules = (skflow.bases, skflow.bijections, skflow.metrics, skflow.plots, skflow.testing)
    for module in (skflow, *modules):
        assert all(hasattr(module, name) for name in module.__all__)
        assert set(module.__all__) <= set(dir(module))


def test_unknown_name():
    assert not hasattr(skflow, "KernelDensity")


def test_version():
    assert skflow.__version__.count(".") == 2
