"""
A variational autoencoder: what a flow adds to its posterior, and to its prior
==============================================================================

A pixel of scikit-learn's digits is a count: how many of 4 x 4 points of a scanned form are dark.
So the decoder gives each pixel a binomial distribution over 0 to 16, which is what the pixel has
if points are dark independently, given the latents. All figures are nats an image, of held-out
images as they are: evidence lower bounds (ELBO) of their log probability.

Two fits of such a model may end 3 nats apart by their starts alone, so posteriors are compared
under one decoder. A first model with a diagonal Gaussian posterior trains it; then it is held
fixed, and the difference of two bounds is that of how far the posteriors are from the exact one:

(a) a diagonal Gaussian posterior, fitted anew;
(b) an inverse autoregressive flow as posterior (Kingma et al. 2016, arXiv:1606.04934), with an
    encoder of the same size, the same rate and the same epochs;
(c) as (b), and the decoder trained along, with an autoregressive flow as its prior (Chen et al.
    2016, arXiv:1611.02731).

From a shell::

    python iaf_vae.py [picture.png] [--quick]
"""

import copy
import math
import sys
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from skflow import FlowVariationalApproximator
from skflow.architectures import autoregressive_stack
from skflow.bases import Normal
from skflow.bijections import Affine
from skflow.flow import Flow

arguments = [a for a in sys.argv[1:] if a != "--quick"]
quick = "--quick" in sys.argv
POINTS = 16  # of a pixel
N_LATENTS, WIDTH = 8, 128
FIRST_EPOCHS, MAX_EPOCHS = (30, 20) if quick else (450, 300)
SEEDS = (0,) if quick else (0, 1, 2)
pixels = load_digits().data / POINTS

# %%
# The model
# ---------
# Any torch module that maps latents z and rows x to log p(x, z) will do. Its parameters are
# trained along with the posterior.


class Digits(nn.Module):
    """log p(z) + log p(x | z), for rows x of 64 shares of dark points."""

    def __init__(self):
        super().__init__()
        self.prior = Normal(N_LATENTS)
        self.decoder = nn.Sequential(
            nn.Linear(N_LATENTS, WIDTH),
            nn.ReLU(),
            nn.Linear(WIDTH, WIDTH),
            nn.ReLU(),
            nn.Linear(WIDTH, pixels.shape[1]),
        )
        choices = [math.log(math.comb(POINTS, k)) for k in range(POINTS + 1)]
        self.register_buffer("log_choices", torch.tensor(choices))

    def forward(self, z, x):
        logits = self.decoder(z)
        log_p = POINTS * (x * logits - nn.functional.softplus(logits))
        log_choices = self.log_choices[(POINTS * x).round().long()]
        return self.prior.log_prob(z) + (log_p + log_choices).sum(dim=-1)

    @torch.no_grad()
    def expected(self, z):
        """Expected pixels given latents."""
        z = torch.as_tensor(z, dtype=self.log_choices.dtype)
        return torch.sigmoid(self.decoder(z)).numpy()


def with_flow_prior(log_joint):
    """Return a copy whose prior is a flow; it starts at the standard normal."""
    log_joint = copy.deepcopy(log_joint)
    stack = autoregressive_stack(N_LATENTS, Affine(), n_layers=4, mixing="reverse")
    log_joint.prior = Flow(stack, Normal(N_LATENTS))
    return log_joint


# %%
# Held-out evidence lower bounds
# ------------------------------
# A seed is one split of the images and one start of all nets. The error is the standard error of
# the mean difference to (a), on the same images.


def fitted(flow, log_joint, rows, seed, max_epochs=MAX_EPOCHS):
    """A fit, and the seconds that it took."""
    start = time.perf_counter()
    torch.manual_seed(seed)
    model = FlowVariationalApproximator(
        n_features=N_LATENTS,
        flow=flow,
        n_layers=4,
        hidden_features=(128,),
        encoder_features=(128, 128),
        batch_size=128,
        max_epochs=max_epochs,
        learning_rate=2e-3,
        dtype="float32",
        random_state=seed,
    ).fit(log_joint, context=rows)
    return model, time.perf_counter() - start


gains = []
for seed in SEEDS:
    train, test = train_test_split(pixels, test_size=0.2, random_state=seed)
    torch.manual_seed(seed)
    first, seconds = fitted("diagonal", Digits(), train, seed, FIRST_EPOCHS)
    bound = first.elbo(test, n_samples=64, random_state=0).mean()
    print(f"seed {seed}  first model          ELBO {bound:8.2f} nats{seconds:40.1f} s")
    fixed = copy.deepcopy(first.log_joint_).requires_grad_(False)
    candidates = {
        "(a) diagonal": ("diagonal", fixed),
        "(b) IAF": ("iaf", fixed),
        "(c) IAF, flow prior": ("iaf", with_flow_prior(first.log_joint_)),
    }
    models, bounds = {}, {}
    for name, (flow, log_joint) in candidates.items():
        models[name], seconds = fitted(flow, log_joint, train, seed + 100)
        bounds[name] = models[name].elbo(test, n_samples=64, random_state=0)
        gain = bounds[name] - bounds["(a) diagonal"]
        error = gain.std() / math.sqrt(len(gain))
        print(
            f"seed {seed}  {name:20s} ELBO {bounds[name].mean():8.2f} nats"
            f"   gain over (a) {gain.mean():5.2f} +- {error:.2f}{seconds:13.1f} s"
        )
    gains.append([(bounds[name] - bounds["(a) diagonal"]).mean() for name in candidates])
print("mean gain of (b) and (c):", *np.mean(gains, axis=0)[1:].round(2))

# %%
# What the posteriors look like
# -----------------------------
# Latents of a few images as (b) sees them, in the plane of the two that depend on each other
# most. The ellipse is the diagonal Gaussian of the same means and deviations.

model = models["(b) IAF"]
images = test[:12]
draws = model.sample(4000, context=images, random_state=0)
reconstructed = model.log_joint_.expected(draws).mean(axis=1)
torch.manual_seed(0)
imagined = {
    name: models[name].log_joint_.expected(models[name].log_joint_.prior.sample(12).detach())
    for name in ("(b) IAF", "(c) IAF, flow prior")
}
lines = {
    "held-out images": images,
    "reconstructions, mean over the posterior (b)": reconstructed,
    "draws from the standard normal prior (b)": imagined["(b) IAF"],
    "draws from the flow prior (c)": imagined["(c) IAF, flow prior"],
}

figure = plt.figure(figsize=(9, 6.6), layout="constrained")
top, bottom = figure.subfigures(2, height_ratios=(4, 2.6))
axes = top.subplots(len(lines), 12)
top.get_layout_engine().set(h_pad=0.12)
for line, (title, row) in zip(axes, lines.items(), strict=True):
    # a title may be wider than its image
    line[0].text(-0.5, -1.2, title, fontsize=9).set_in_layout(False)
    for axis, image in zip(line, row, strict=True):
        axis.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        axis.axis("off")


def most_dependent(z):
    """The two columns of the largest correlation."""
    correlation = np.triu(np.abs(np.corrcoef(z.T)), 1)
    return np.unravel_index(correlation.argmax(), correlation.shape)


angle = np.linspace(0, 2 * np.pi, 200)
for axis, z, number in zip(bottom.subplots(1, 5), draws, range(1, 6), strict=False):
    i, j = most_dependent(z)
    axis.hexbin(z[:, i], z[:, j], gridsize=40, cmap="magma_r", mincnt=1, linewidths=0.1)
    for size in (1, 2):
        axis.plot(
            z[:, i].mean() + size * z[:, i].std() * np.cos(angle),
            z[:, j].mean() + size * z[:, j].std() * np.sin(angle),
            color="tab:cyan",
            linewidth=1,
        )
    axis.set_title(f"posterior of image {number}", fontsize=9)
    axis.set_xlabel(f"latent {i + 1}", fontsize=8)
    axis.set_ylabel(f"latent {j + 1}", fontsize=8)
    axis.tick_params(labelsize=6)

picture = arguments[0] if arguments else "iaf_vae.png"
figure.savefig(picture, dpi=110)
print(f"\npicture: {picture}")

# %%
# What it draws, from a run that was not cut short:
#
# .. image:: /images/iaf_vae.png
#    :alt: Digits: reconstructions, draws from two priors, posteriors of latents

# sphinx_gallery_thumbnail_path = "images/iaf_vae.png"
