"""
Variational inference: a posterior that is no ellipse
=====================================================

Two parameters of which data tell only a combination: the posterior is a banana. A flow learns it
from its log density alone, by its own draws. On the way: why the log-determinant changes its
sign between density estimation and variational inference, and what k-hat says of a fit.

From a shell::

    python banana.py [picture.png] [--quick]
"""

import sys
import warnings

import matplotlib.pyplot as plt
import numpy as np
import torch

from skflow import FlowVariationalApproximator

arguments = [a for a in sys.argv[1:] if a != "--quick"]
quick = "--quick" in sys.argv

# %%
# The model
# ---------
# Twelve measurements of ``a + b^2`` with noise 0.5, and standard normal priors of a and b. The
# function takes rows of parameters and returns their log densities, up to a constant.

rng = np.random.default_rng(1)
y = torch.tensor(1.2 + 0.5 * rng.standard_normal(12))


def log_posterior(z):
    a, b = z.T
    prior = -0.5 * (a**2 + b**2)
    return prior - 0.5 * ((y - (a + b**2)[:, None]) / 0.5).square().sum(dim=1)


# %%
# The fit and its verdict
# -----------------------
# ``fit`` takes the function in the place of a table. The best Gaussian serves as comparison.

settings = {"n_features": 2, "random_state": 0}
flow = FlowVariationalApproximator(max_epochs=8 if quick else "auto", **settings)
flow.fit(log_posterior)
gaussian = FlowVariationalApproximator(flow="gaussian", **settings)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it is bad, and says so
    gaussian.fit(log_posterior)

# %%
# The exact posterior, on a grid.

axes = np.linspace(-4, 3, 281), np.linspace(-3, 3, 241)
A, B = np.meshgrid(*axes)
grid = np.column_stack([A.ravel(), B.ravel()])
log_p = log_posterior(torch.from_numpy(grid)).numpy()
cell = (axes[0][1] - axes[0][0]) * (axes[1][1] - axes[1][0])
log_evidence = np.log(np.exp(log_p).sum() * cell)
p = np.exp(log_p - log_evidence) * cell
exact = {"E[a]": p @ grid[:, 0], "E[b^2]": p @ grid[:, 1] ** 2, "log Z": log_evidence}

print(f"{'':10s} {'k-hat':>6s} {'ELBO':>8s} {'log Z':>8s} {'E[a]':>7s} {'E[b^2]':>7s}")
print(f"{'exact':10s} {'':6s} {'':8s} {log_evidence:8.3f} ", end="")
print(f"{exact['E[a]']:7.3f} {exact['E[b^2]']:7.3f}")
for name, model in {"flow": flow, "Gaussian": gaussian}.items():
    mean_a, mean_b2 = model.expectation(lambda z: np.column_stack([z[:, 0], z[:, 1] ** 2]))
    print(f"{name:10s} {model.khat_:6.2f} {model.elbo_:8.3f} {model.log_evidence_:8.3f} ", end="")
    print(f"{mean_a:7.3f} {mean_b2:7.3f}")

# %%
# The sign of the log-determinant
# -------------------------------
# A flow has one formula, log q(x) = log q0(f(x)) + log|det df/dx|, for the map f from data to
# noise. **Density estimation** is given x. It computes z = f(x) and *adds* log|det df/dx|.
#
# **Variational inference** is given noise z. It computes x = g(z), with g the inverse of f, and
# what comes with it is the log-determinant of g. Since dg/dz is the inverse matrix of df/dx, its
# log-determinant is minus the other, and so it is *subtracted*:
#
#     log q(g(z)) = log q0(z) - log|det dg/dz|
#
# Nothing else flips. ELBO = E[log p(x) - log q(x)] then holds + log|det dg/dz|: a flow that
# spreads its draws wide is rewarded, as it is by the entropy. A wrong sign here does not fail,
# it shrinks the approximation to a point. Both ways round, on the same draws:

layers = flow.flow_
with torch.no_grad():
    z = layers.base.sample(5)
    x, log_det_g = layers.from_noise(z)  # what variational inference sees
    back, log_det_f = layers.to_noise(x)  # what density estimation sees
    drawn = layers.base.log_prob(z) - log_det_g
    scored = layers.base.log_prob(back) + log_det_f
print("log|det dg/dz|", log_det_g.numpy().round(4))
print("log|det df/dx|", log_det_f.numpy().round(4))
print("log q of the draws, from noise and from data: largest difference", end=" ")
print(f"{(drawn - scored).abs().max().item():.1e}")

# %%
# The picture
# -----------

figure, panels = plt.subplots(1, 3, figsize=(11, 4), sharex=True, sharey=True, layout="tight")
peak = np.exp(log_p.max() - log_evidence)
levels = peak * np.array([0.01, 0.04, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8])
density = {
    "exact posterior": log_p - log_evidence,
    f"flow: k-hat {flow.khat_:.2f}": flow.score_samples(grid),
    f"Gaussian: k-hat {gaussian.khat_:.2f}": gaussian.score_samples(grid),
}
draws = [None, flow.sample(600, random_state=0), gaussian.sample(600, random_state=0)]
for panel, (title, values), rows in zip(panels, density.items(), draws, strict=True):
    height = np.minimum(np.exp(values), peak).reshape(A.shape)
    panel.contourf(A, B, height, [*levels, 1.01 * peak], cmap="Blues", vmin=-0.2 * peak)
    panel.contour(A, B, np.exp(log_p - log_evidence).reshape(A.shape), levels[:1], colors="black")
    if rows is not None:
        panel.plot(*rows.T, ".", color="darkorange", markersize=2)
    panel.set(title=title, xlabel="a", xlim=(-4, 3), ylim=(-3, 3))
panels[0].set_ylabel("b")
figure.suptitle("Black: the exact posterior's outermost contour")
picture = arguments[0] if arguments else "banana.png"
figure.savefig(picture, dpi=110)
print(f"wrote {picture}")
