"""Shapley pruning: a node is worth what it adds to the nodes of its layer, in the mean over all orders."""

from collections.abc import Callable, Sequence

import torch

from pruneproof.api import BadConfig, Criterion, Probe, Source, Tensors
from pruneproof_zoo import shapley_values

MOST = 12
"""Players up to which all coalitions are tried: 4096 of them."""


def shapley(weights: Tensors, alive: Tensors, probe: Probe) -> Tensors:
    """Return φ_j, the Shapley value of column j of a layer, at each of its weights; all coalitions are tried.

    Adamczewski, Li, van Gool (2024), arXiv 2407.15875. Players are the columns of one weight with a weight that is
    alive: the layer's inputs, which are the nodes of the layer before. A coalition is worth v(S) = -L, the mean loss
    with the weights of all other columns zero and all other layers whole, so that

        φ_j = Σ_S |S|! (n-|S|-1)! / n! (v(S ∪ j) - v(S)),   Σ_j φ_j = v(all) - v(none).

    Select with structure = "node" and reduce = "mean"; the authors rank within layers, and give the numbers to remove
    by hand (scope = "tensor"). This is the oracle for the approximations `shapley-permutations`, `shapley-partial` and
    `shapley-regression`; for n inputs it takes 2^n losses per layer.

    Deviations: the paper's v is the accuracy on held-out samples; a criterion is given the loss on scoring samples.
    Zeroing what reads a node removes its bias as well, as the authors do; where a node is read by several layers, as in
    a residual stream, it is a player in each. Inputs of a linear layer behind a flattened channel are players each.

    >>> class Sum:  # loss = -(w1 + 2 w2), of which a column's share is its value
    ...     def loss(self, *, at, **_):
    ...         return -float(at["w"] @ torch.tensor([1.0, 2.0]))
    >>> weights = {"w": torch.tensor([[1.0, 3.0]])}
    >>> shapley(weights, {"w": weights["w"] != 0}, Sum())["w"].tolist()
    [[1.0, 6.0]]

    Args:
        weights: name -> tensor, dead weights zero; columns are counted along dimension 1.
        alive: the mask so far; columns without a weight that is alive are no players and score 0.
        probe: gives the loss, in evaluation mode.

    Returns:
        Scores of the weights' shapes, float64, of either sign, equal within a column.

    Raises:
        BadConfig: a layer with more than 12 inputs, or no scoring samples.
    """

    def values(game: shapley_values.Game, players: int) -> list[float]:
        if players > MOST:
            raise BadConfig(
                f"shapley tries all coalitions of a layer's inputs, at most {MOST} of them, and a layer has {players}. "
                "Take shapley-permutations, shapley-partial or shapley-regression, or name the layer in `unprunable`."
            )
        return shapley_values.exact(game, players)

    return _scores(weights, alive, probe, values)


def shapley_permutations(
    weights: Tensors, alive: Tensors, probe: Probe, rng: torch.Generator, *, draws: int = 3
) -> Tensors:
    """Return φ_j of `shapley` in the mean over random orders of a layer's inputs.

    Adamczewski, Li, van Gool (2024), arXiv 2407.15875, permutation averaging. An order of n inputs takes n losses. The
    values add up to v(all) - v(none) whatever the number of orders.

    >>> class Sum:
    ...     def loss(self, *, at, **_):
    ...         return -float(at["w"] @ torch.tensor([1.0, 2.0]))
    >>> weights = {"w": torch.tensor([[1.0, 3.0]])}
    >>> shapley_permutations(weights, {"w": weights["w"] != 0}, Sum(), torch.Generator())["w"].tolist()
    [[1.0, 6.0]]

    Args:
        weights: as `shapley`.
        alive: as `shapley`.
        probe: as `shapley`.
        rng: a generator on the CPU; tensors draw in name order.
        draws: orders, >= 1; 3 in the first author's earlier code by default, 30 to 100 by its README.

    Raises:
        BadConfig: draws below 1, or no scoring samples.
    """
    if draws < 1:
        raise BadConfig(f"shapley-permutations got {draws} draws; at least 1 was expected.")
    return _scores(weights, alive, probe, lambda game, n: shapley_values.by_permutations(game, n, draws, rng))


def shapley_partial(weights: Tensors, alive: Tensors, probe: Probe, *, most: int = 0) -> Tensors:
    """Return φ_j of `shapley` from the ends of its sum: at most `most` other inputs present, or at most so many absent.

    Adamczewski, Li, van Gool (2024), arXiv 2407.15875, partial evaluation. With `most` = 0 it is the mean of what a
    column adds to nothing and of what it takes when it alone leaves, for 2 n + 2 losses.

    >>> class Sum:
    ...     def loss(self, *, at, **_):
    ...         return -float(at["w"] @ torch.tensor([1.0, 2.0]))
    >>> weights = {"w": torch.tensor([[1.0, 3.0]])}
    >>> shapley_partial(weights, {"w": weights["w"] != 0}, Sum())["w"].tolist()
    [[1.0, 6.0]]

    Args:
        weights: as `shapley`.
        alive: as `shapley`.
        probe: as `shapley`.
        most: >= 0; takes some n^(most + 1) losses of a layer of n inputs.

    Raises:
        BadConfig: `most` below 0, or no scoring samples.
    """
    if most < 0:
        raise BadConfig(f"shapley-partial got most = {most}; a whole number from 0 was expected.")
    return _scores(weights, alive, probe, lambda game, n: shapley_values.partial(game, n, most))


def shapley_regression(
    weights: Tensors, alive: Tensors, probe: Probe, rng: torch.Generator, *, draws: int = 30
) -> Tensors:
    """Return φ_j of `shapley` by a weighted regression of the loss on who takes part.

    Adamczewski, Li, van Gool (2024), arXiv 2407.15875, regression; weighted and constrained so that all coalitions
    would give φ_j exactly (`shapley_values.by_regression`). The values add up to v(all) - v(none).

    Deviation: the first author's earlier code fits without weights, which does not.

    >>> class Sum:
    ...     def loss(self, *, at, **_):
    ...         return -float(at["w"] @ torch.tensor([1.0, 2.0]))
    >>> weights = {"w": torch.tensor([[1.0, 3.0]])}
    >>> found = shapley_regression(weights, {"w": weights["w"] != 0}, Sum(), torch.Generator(), draws=10)["w"]
    >>> [round(each, 6) for each in found[0].tolist()]
    [1.0, 6.0]

    Args:
        weights: as `shapley`.
        alive: as `shapley`.
        probe: as `shapley`.
        rng: a generator on the CPU; tensors draw in name order.
        draws: coalitions of each layer, >= 1.

    Raises:
        BadConfig: draws below 1, or no scoring samples.
    """
    if draws < 1:
        raise BadConfig(f"shapley-regression got {draws} draws; at least 1 was expected.")
    return _scores(weights, alive, probe, lambda game, n: shapley_values.by_regression(game, n, draws, rng))


def _scores(
    weights: Tensors, alive: Tensors, probe: Probe, values: Callable[[shapley_values.Game, int], list[float]]
) -> dict[str, torch.Tensor]:
    """Return the values of each tensor's columns, spread over them."""
    scores = {}
    for name in sorted(weights):
        columns = _columns(alive[name]).any(0).nonzero().flatten().tolist()
        found = torch.zeros(_columns(alive[name]).shape[1], dtype=torch.float64)
        if columns:
            found[columns] = torch.tensor(values(_game(probe, weights, name, columns), len(columns))).double()
        shape = [1, -1, *[1] * (weights[name].dim() - 2)] if weights[name].dim() > 1 else [-1]
        scores[name] = found.to(weights[name].device).reshape(shape).expand_as(weights[name]).contiguous()
    return {name: scores[name] for name in weights}


def _game(probe: Probe, weights: Tensors, name: str, columns: list[int]) -> shapley_values.Game:
    """Return the game of one tensor: columns that take part -> minus the loss without the others."""

    def value(part: Sequence[bool]) -> float:
        without = weights[name].clone()
        gone = [column for column, there in zip(columns, part, strict=True) if not there]
        (without if without.dim() == 1 else without.transpose(0, 1))[gone] = 0
        return -probe.loss(at={**weights, name: without}, double=True)

    return value


def _columns(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor as (others, columns)."""
    return tensor[None] if tensor.dim() == 1 else tensor.transpose(0, 1).flatten(1).T


ADAMCZEWSKI = Source(
    authors="Adamczewski, Li, van Gool",
    year=2024,
    title="Shapley Pruning for Neural Network Compression",
    arxiv="2407.15875",
)
_DRAWN = {
    "hidden-units-equivariant": "the draws of coalitions go by the order of a layer's inputs",
    "seed-used": "a layer with one input has one coalition, whatever is drawn",
}
SHAPLEY = Criterion(id="shapley", score=shapley, source=ADAMCZEWSKI, laws=frozenset({"batch-order-invariant"}))
SHAPLEY_PERMUTATIONS = Criterion(
    id="shapley-permutations", score=shapley_permutations, source=ADAMCZEWSKI, expected_failures=_DRAWN
)
SHAPLEY_PARTIAL = Criterion(
    id="shapley-partial", score=shapley_partial, source=ADAMCZEWSKI, laws=frozenset({"batch-order-invariant"})
)
SHAPLEY_REGRESSION = Criterion(
    id="shapley-regression", score=shapley_regression, source=ADAMCZEWSKI, expected_failures=_DRAWN
)
