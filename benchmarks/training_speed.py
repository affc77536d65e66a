"""Training speed: Adam steps per second on the same affine-coupling flow.

    python benchmarks/training_speed.py [--repeats 7] [--steps 500]

One thread, alternating. Six affine couplings, 64 x 64 nets, d = 2, batches of 256 shuffled rows.
Ours is the public training loop with everything it does (AdamW, clipping, schedule, checks for
non-finite gradients); the others get the shortest loop there is: zero_grad, backward, Adam step.
"""

import argparse
import statistics

import torch
from _common import alternate, machine, markdown, median_ratio, use_threads, verdict
from _ours import our_coupling
from _peers import PlainCoupling, nflows_coupling, normflows_coupling, zuko_coupling
from sklearn.datasets import make_moons

BATCH = 256
TARGETS = {"zuko": 3.0, "plain torch": 2.0}


def shortest_loop(flow, log_prob, rows, n_steps):
    optimizer = torch.optim.Adam(flow.parameters(), lr=1e-3)

    def run():
        done = 0
        while done < n_steps:
            for index in torch.randperm(len(rows)).split(BATCH):
                loss = -log_prob(flow, rows[index]).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                done += 1

    return run


def our_loop(rows, n_steps):
    from skflow.training import Batch, Batches, MaximumLikelihood, TrainingConfig, train

    flow = our_coupling(rows.shape[1])
    batches = Batches(Batch(rows), BATCH)
    config = TrainingConfig(max_epochs=n_steps // len(batches), n_iter_no_change=None)
    return flow, lambda: train(flow, MaximumLikelihood(), batches, config)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--steps", type=int, default=500)
    args = parser.parse_args()
    use_threads(1)
    print(machine())
    torch.manual_seed(0)

    # whole epochs of full batches, so that all loops take the same number of equal steps
    steps_per_epoch = min(100, args.steps)
    n_steps = args.steps // steps_per_epoch * steps_per_epoch
    X = make_moons(steps_per_epoch * BATCH, noise=0.07, random_state=0)[0]
    rows = torch.as_tensor((X - X.mean(axis=0)) / X.std(axis=0), dtype=torch.float32)

    flow, loop = our_loop(rows, n_steps)
    flows, loops = {"skflow": flow}, {"skflow": loop}
    for name, build in (
        ("zuko", zuko_coupling),
        ("nflows", nflows_coupling),
        ("normflows", normflows_coupling),
    ):
        peer = build()
        flows[name] = peer.make(2)
        loops[name] = shortest_loop(flows[name], peer.log_prob, rows, n_steps)
    flows["plain torch"] = PlainCoupling(2)
    loops["plain torch"] = shortest_loop(
        flows["plain torch"], PlainCoupling.log_prob, rows, n_steps
    )

    times = alternate(loops, args.repeats)
    table = [
        [
            name,
            sum(p.numel() for p in flows[name].parameters()),
            f"{n_steps / statistics.median(times[name]):.0f}",
            f"{median_ratio(times[name], times['skflow']):.2f}",
        ]
        for name in loops
    ]
    print(markdown(["loop", "parameters", "steps per second", "skflow is faster by"], table))
    for name, target in TARGETS.items():
        ratio = median_ratio(times[name], times["skflow"])
        question = f"steps per second over those of {name}"
        verdict(question, f">= {target}", f"{ratio:.2f}", ratio >= target)


if __name__ == "__main__":
    main()
