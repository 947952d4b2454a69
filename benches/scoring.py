"""Measure the exact diagonal of the generalised Gauss-Newton matrix against one backward pass per class and sample.

    python benches/scoring.py

LeNet-300-100 on 1000 samples of MNIST's shape, and `vgg-11-plain` (VGG-11 without batch normalisation, as in the code
of Laurent et al. 2020) on 100 of CIFAR's, both freshly initialised and fed with noise: the cost does not depend on the
numbers. Both ways in one run, on as many threads as `--threads` says; the naive way on a share of the samples, scaled
up, because it takes minutes. The two answers are compared on those samples.
"""

import argparse
import time
from collections.abc import Callable

import torch
from torch import nn

from pruneproof.api import conv_and_linear
from pruneproof.models.mlp import LENET_300_100
from pruneproof.models.vgg import VGG_11_PLAIN
from pruneproof.training.probe import ModelProbe

CASES = (("LeNet-300-100", LENET_300_100, (1, 28, 28), 1000), ("VGG-11 without BN", VGG_11_PLAIN, (3, 32, 32), 100))


def naive(model: nn.Module, names: list[str], x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the diagonal by one backward pass per class and sample."""
    weights = {name: model.get_parameter(name) for name in names}
    totals = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    for one in x:
        chances = model(one.unsqueeze(0)).log_softmax(1)[0]
        for chance in chances:
            slopes = torch.autograd.grad(chance, list(weights.values()), retain_graph=True)
            for name, slope in zip(names, slopes, strict=True):
                totals[name] += chance.detach().exp() * slope.square() / len(x)
    return totals


def fastest(repeats: int, work: Callable[[], dict[str, torch.Tensor]]) -> tuple[float, dict[str, torch.Tensor]]:
    """Return the least wall time of some repeats, in seconds, and the answer."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        answer = work()
        times.append(time.perf_counter() - began)
    return min(times), answer


def main() -> None:
    """Time both ways on both networks and print the ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--naive", type=float, default=0.1, help="share of the samples that the naive way sees")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"{'network':20} {'samples':>8} {'exact (s)':>10} {'naive (s)':>10} {'faster':>8} {'difference':>11}")
    for label, made, shape, samples in CASES:
        torch.manual_seed(0)
        model = made.build(shape, 10).eval()
        names = conv_and_linear(model)
        x, y = torch.randn(samples, *shape), torch.zeros(samples, dtype=torch.int64)
        few = max(1, round(arguments.naive * samples))
        slow, expected = fastest(1, lambda: naive(model, names, x[:few]))  # noqa: B023
        quick, _ = fastest(arguments.repeats, lambda: ModelProbe(model, names, None, [(x, y)]).curvature())  # noqa: B023
        found = ModelProbe(model, names, None, [(x[:few], y[:few])]).curvature()
        worst = max(float((found[name] - expected[name]).norm() / expected[name].norm()) for name in names)
        slow *= samples / few
        print(f"{label:20} {samples:8} {quick:10.3f} {slow:10.2f} {slow / quick:8.0f} {worst:11.1e}")


if __name__ == "__main__":
    main()
