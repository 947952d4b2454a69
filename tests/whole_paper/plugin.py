"""A plugin that brings a paper and everything that the paper names, as somebody else's package would."""

from pathlib import Path

import torch

from pruneproof.api import (
    ClaimTest,
    CountingRule,
    Criterion,
    Fact,
    Figure,
    Floor,
    MaskSearch,
    Mechanism,
    Metric,
    Outcome,
    Regularizer,
    Source,
    Structure,
    Transform,
    Transformed,
    Update,
    ValueScale,
    hookimpl,
)

pruneproof_api = 2
SOURCE = Source("A. Tester", 2020, "A paper of its own")


def saliency(weights):
    """Magnitude, cubed."""
    return {name: each.abs() ** 3 for name, each in weights.items()}


def alive_rows(alive):
    """Rows with a weight alive, of each tensor."""
    return {name: int(each.any(dim=1).sum()) for name, each in alive.items()}


def first_quarter(sizes):
    """Protect a quarter of the first tensor and nothing else."""
    first = min(sizes)
    return {first: sizes[first] // 4}


def even_count(size, sparsity):
    """Keep an even number of units."""
    return int(size * (1 - sparsity)) // 2 * 2


def pairs(shapes):
    """Group two weights of a row that follow each other."""
    return dict.fromkeys(shapes, (1, 2))


def swap_one(weights, alive, rng):
    """Let the smallest weight alive of each tensor die, and one dead weight live in its place."""
    moved = {}
    for name, mask in alive.items():
        flat, size = mask.reshape(-1).clone(), weights[name].reshape(-1).abs()
        living, dead = torch.nonzero(flat).reshape(-1), torch.nonzero(~flat).reshape(-1)
        if len(dead) and len(living):
            flat[living[size[living].argmin()]] = False
            flat[dead[int(torch.randint(len(dead), (), generator=rng))]] = True
        moved[name] = flat.reshape(mask.shape)
    return moved


def mirror(alive):
    """Mirror each mask along its columns."""
    return Transformed(alive={name: each.flip(1) for name, each in alive.items()})


def logits(weights, rng):
    """Start at one number for each weight."""
    return {name: 1.0 + 0.01 * torch.rand(each.shape, generator=rng) for name, each in weights.items()}


def soft(variables, sparsity, progress, rng):
    """Multiply each weight by a sigmoid."""
    return {name: torch.sigmoid(each) for name, each in variables.items()}


def largest(variables, sparsity):
    """Keep the largest variables of each tensor."""
    kept = {}
    for name, each in variables.items():
        keep = each.numel() - int(sparsity * each.numel())
        best = each.reshape(-1).topk(keep).indices
        kept[name] = torch.zeros(each.numel(), dtype=torch.bool).scatter_(0, best, value=True).reshape(each.shape)
    return kept


def cubes(weights, *, strength: float = 1e-4):
    """Penalise the cubes of weights."""
    return strength * sum(each.abs().pow(3).sum() for each in weights.values())


def above_in_every_seed(samples, *, value):
    """Hold when every seed lies above a value."""
    [numbers] = samples
    low = min(numbers)
    said = f"the smallest of {len(numbers)} is {low:g}"
    return Outcome("holds" if low > value else "fails", said, value=low, n=len(numbers))


def dots(table, canvas, *, y: str = ""):
    """Draw one dot per network."""
    quantity = table.quantity(y)
    found = table.over_seeds(quantity)
    if not found:
        return ""
    names = [group.method for group, _ in found]
    looks = canvas.styles("method", names)
    [panel] = canvas.new_panels(title="dots", height=2.0)
    for place, (group, numbers) in enumerate(found):
        panel.marks([float(place)] * len(numbers.values), numbers.values, looks[group.method], group.method)
    panel.y_axis(quantity, [value for _, numbers in found for value in numbers.values])
    panel.categories(names, "method")
    return f"Dots of {len(found)} methods."


def sums():
    """Check a sum."""
    return [Fact("1 + 1", "2", str(1 + 1), True)]


@hookimpl
def pruneproof_criteria():
    return [Criterion("own-saliency", saliency, SOURCE)]


@hookimpl
def pruneproof_metrics():
    return [Metric("own-rows", alive_rows, "Rows with a weight alive.", "rows", per="tensor")]


@hookimpl
def pruneproof_floors():
    return [Floor("own-floor", first_quarter, SOURCE, "A quarter of the first tensor is safe.")]


@hookimpl
def pruneproof_counting_rules():
    return [CountingRule("own-count", even_count, SOURCE, "Keeps an even number.")]


@hookimpl
def pruneproof_structures():
    return [Structure("own-pairs", pairs, SOURCE, "Two weights of a row.")]


@hookimpl
def pruneproof_updates():
    return [Update("own-swap", swap_one, SOURCE, revives=True)]


@hookimpl
def pruneproof_transforms():
    return [Transform("own-mirror", mirror, SOURCE, "Mirrors masks.", keeps=frozenset({"counts", "weights"}))]


@hookimpl
def pruneproof_searches():
    return [MaskSearch("own-search", logits, soft, largest, SOURCE, "top-k of each tensor")]


@hookimpl
def pruneproof_regularizers():
    return [Regularizer("own-cubes", cubes, SOURCE)]


@hookimpl
def pruneproof_claim_tests():
    return [
        ClaimTest(
            "own-minimum",
            above_in_every_seed,
            "Every seed lies above a value.",
            ValueScale(unit="%", range=(0.0, 100.0)),
        )
    ]


@hookimpl
def pruneproof_figures():
    return [Figure("own-dots", dots, "One dot per network.")]


@hookimpl
def pruneproof_mechanisms():
    return [Mechanism("own-sums", sums, "A sum.")]


@hookimpl
def pruneproof_papers():
    return [Path(__file__).parent / "whole_paper"]
