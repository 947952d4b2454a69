"""Gem-Miner: find a subnetwork at initialisation that trains well, by training a probability per weight.

Sreenivasan et al. (2022), arXiv 2202.12002 ("Rare Gems"). Weights stay at their initialisation, signed constants there
(the transform `signed-constant`), and are trained under the mask afterwards.
"""

import math
from typing import Literal

import torch

from pruneproof.api import BadConfig, MaskSearch, Source, Tensors, keep_count
from pruneproof.searches.ranking import largest_of_all

Rule = Literal["survivors", "threshold"]
FROZEN = -1e4
"""Where a variable stands for good once its weight is frozen out; others stay in [0, 1]."""


def start(
    weights: Tensors, rng: torch.Generator, *, strength: float = 1e-4, rounds: int = 29, rule: Rule = "survivors"
) -> Tensors:
    """Return one variable p per weight, p ~ U(0, 1).

    >>> scores = start({"w": torch.zeros(2, 4)}, torch.Generator().manual_seed(0))
    >>> bool(((scores["w"] >= 0) & (scores["w"] < 1)).all())
    True

    Args:
        weights: only names, shapes, dtypes and devices matter.
        rng: a generator on the CPU; tensors draw in name order.
        strength: λ of the penalty, >= 0; 1e-4 in the authors' code for 1.44 % kept, 3e-5 for 3.72 %.
        rounds: times at which variables are frozen, >= 1; 29 is every fifth of 150 epochs.
        rule: what is exported: see `export`.

    Raises:
        BadConfig: an option out of range.
    """
    if rule not in ("survivors", "threshold"):
        raise BadConfig(f'the export rule of gem-miner is "{rule}"; "survivors" or "threshold" was expected.')
    if rounds < 1 or not strength >= 0:
        raise BadConfig(
            f"gem-miner got {rounds} rounds and the strength {strength}; at least 1 and a number from 0 were expected."
        )
    drawn = {name: torch.rand(weights[name].shape, generator=rng, dtype=torch.float64) for name in sorted(weights)}
    return {name: drawn[name].to(weight) for name, weight in weights.items()}


def gate(
    variables: Tensors,
    sparsity: float,
    progress: float,
    rng: torch.Generator,
    *,
    strength: float = 1e-4,
    rounds: int = 29,
    rule: Rule = "survivors",
) -> Tensors:
    """Return 1 where p > ½ and 0 elsewhere; the gradient passes straight through to p, but not to what is frozen.

    >>> p = torch.tensor([0.2, 0.7, FROZEN], requires_grad=True)
    >>> gates = gate({"w": p}, 0.5, 0.0, torch.Generator())["w"]
    >>> gates.tolist(), torch.autograd.grad((gates * torch.tensor([5.0, 6.0, 7.0])).sum(), p)[0].tolist()
    ([0.0, 1.0, 0.0], [5.0, 6.0, 0.0])
    """
    return {
        name: torch.where(_frozen(p), 0.0, (p > 0.5).to(p.dtype) + (p - p.detach())) for name, p in variables.items()
    }


def penalty(
    variables: Tensors,
    sparsity: float,
    progress: float,
    *,
    strength: float = 1e-4,
    rounds: int = 29,
    rule: Rule = "survivors",
) -> torch.Tensor:
    """Return λ Σ p² over what is not frozen.

    >>> round(float(penalty({"w": torch.tensor([0.5, 1.0, FROZEN])}, 0.5, 0.0, strength=0.1)), 4)
    0.125
    """
    squares = [torch.where(_frozen(p), 0.0, p).square().sum() for p in variables.values()]
    return strength * torch.stack(squares).sum()


def project(
    variables: Tensors,
    sparsity: float,
    progress: float,
    *,
    strength: float = 1e-4,
    rounds: int = 29,
    rule: Rule = "survivors",
) -> Tensors:
    """Return p clamped to [0, 1], and the smallest frozen for good where a round has passed.

    Round j of J is at progress j / (J + 1); after it N - floor(s_j N) of N variables are left, with 1 - s_j =
    (1 - s)^(j/J): the same share of the survivors goes in each. Of equals the first stay.

    >>> project({"w": torch.tensor([0.2, 1.7, -0.4, 0.9])}, 0.75, 0.5, rounds=2)["w"].tolist()
    [-10000.0, 1.0, -10000.0, 0.8999999761581421]
    """
    clamped = {name: torch.where(_frozen(p), FROZEN, p.clamp(0.0, 1.0)) for name, p in variables.items()}
    keep = _left(sum(p.numel() for p in variables.values()), sparsity, progress, rounds)
    if sum(int((~_frozen(p)).sum()) for p in clamped.values()) <= keep:
        return clamped
    stay = largest_of_all(clamped, keep)
    return {name: torch.where(stay[name], p, FROZEN) for name, p in clamped.items()}


def export(
    variables: Tensors,
    sparsity: float,
    *,
    strength: float = 1e-4,
    rounds: int = 29,
    rule: Rule = "survivors",
) -> Tensors:
    """Return the mask by one of two rules.

    * `survivors`: the N - floor(sparsity N) largest p, which are those that no round has frozen; p <= ½ among them come
      back (the authors' option to unflag before fine-tuning). The number is exact.
    * `threshold`: those of them with p > ½, what the search has trained with; fewer, by a number that nothing fixes.

    >>> p = {"w": torch.tensor([0.2, 0.9, FROZEN, FROZEN])}
    >>> export(p, 0.5)["w"].tolist(), export(p, 0.5, rule="threshold")["w"].tolist()
    ([True, True, False, False], [False, True, False, False])
    """
    values = {name: p.detach() for name, p in variables.items()}
    survivors = largest_of_all(values, keep_count(sum(p.numel() for p in values.values()), sparsity))
    if rule == "survivors":
        return survivors
    return {name: survivors[name] & (p > 0.5) for name, p in values.items()}


def _left(size: int, sparsity: float, progress: float, rounds: int) -> int:
    passed = min(math.floor(progress * (rounds + 1) + 1e-9), rounds)
    return keep_count(size, sparsity if passed == rounds else 1.0 - (1.0 - sparsity) ** (passed / rounds))


def _frozen(p: torch.Tensor) -> torch.Tensor:
    return p < FROZEN / 2


GEM_MINER = MaskSearch(
    id="gem-miner",
    start=start,
    gate=gate,
    export=export,
    penalty=penalty,
    project=project,
    source=Source(
        authors="Sreenivasan, Sohn, Yang, Grinde, Nagle, Wang, Xing, Lee, Papailiopoulos",
        year=2022,
        title="Rare Gems: Finding Lottery Tickets at Initialization",
        arxiv="2202.12002",
    ),
    exports="survivors: the weights that no round has frozen; or threshold: those of them with p > ½",
)
