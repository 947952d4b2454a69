"""Criteria that ask for what no built-in asks for conform too, with the laws that follow from their formulas."""

from pruneproof.api import Criterion, Source
from pruneproof.testing import parametrize_with_checks

SOURCE = Source("A. Stranger", 2026, "Criteria from other ingredients")


def wanda(weights, activations):
    return {name: weight.abs() * activations[name] for name, weight in weights.items()}


def fisher_saliency(weights, fisher):
    return {name: weight.square() * fisher[name] for name, weight in weights.items()}


def relative(weights, alive):
    return {name: weight.abs() / alive[name].sum().clamp_min(1) for name, weight in weights.items()}


def noisy(weights, rng):
    import torch

    noise = {name: torch.rand(weight.shape, generator=rng) for name, weight in sorted(weights.items())}
    return {name: weight.abs() * noise[name].to(weight) for name, weight in weights.items()}


def given(name, score, laws, **options):
    return Criterion(name, score, SOURCE, laws=frozenset(laws.split()), **options)


STRANGERS = [
    given(
        "wanda",
        wanda,
        "label-free batch-order-invariant nonnegative sign-invariant homogeneous-1 zero-for-zero-weight "
        "loss-scale-invariant",
        expected_failures={"data-free": "activations come from the data"},
    ),
    given(
        "fisher-saliency",
        fisher_saliency,
        "batch-order-invariant nonnegative sign-invariant homogeneous-2 zero-for-zero-weight zero-for-zero-gradient "
        "loss-scale-invariant relu-rescaling-invariant",
    ),
    given("relative", relative, "data-free nonnegative sign-invariant homogeneous-1"),
    given(
        "noisy",
        noisy,
        "data-free nonnegative homogeneous-1 zero-for-zero-weight sign-invariant",
        expected_failures={"hidden-units-equivariant": "each place in a tensor gets noise of its own"},
    ),
]


@parametrize_with_checks(STRANGERS, quick=True)
def test_it_conforms(subject, check):
    check(subject)
