"""Shapley values of any game: exactly, and by three approximations."""

from collections.abc import Callable, Sequence
from itertools import combinations
from math import comb

import torch

Game = Callable[[Sequence[bool]], float]
"""Who takes part -> what the coalition is worth."""


def exact(game: Game, players: int) -> list[float]:
    """Return φ_i = Σ_S |S|! (n-|S|-1)! / n! (v(S ∪ i) - v(S)), over all S without i: 2^n values of the game.

    >>> worth = {"": 0, "0": 1, "1": 2, "2": 2, "01": 2, "02": 5, "12": 5, "012": 6}
    >>> game = lambda part: worth["".join(str(i) for i in range(3) if part[i])]
    >>> [round(each, 4) for each in exact(game, 3)]  # (7/6, 5/3, 19/6)
    [1.1667, 1.6667, 3.1667]
    """
    value = [game([bool(team >> i & 1) for i in range(players)]) for team in range(2**players)]
    weight = [1 / (players * comb(players - 1, size)) for size in range(players)]
    found = []
    for i in range(players):
        without = [team for team in range(2**players) if not team >> i & 1]
        found.append(sum(weight[team.bit_count()] * (value[team | 1 << i] - value[team]) for team in without))
    return found


def by_permutations(game: Game, players: int, draws: int, rng: torch.Generator) -> list[float]:
    """Return the mean over random orders of what a player adds to those before it: n draws + 1 values of the game.

    Unbiased (Castro, Gómez, Tejada 2009), and efficient in each draw.

    >>> additive = lambda part: sum(2.0**i for i in range(3) if part[i])
    >>> by_permutations(additive, 3, 1, torch.Generator())
    [1.0, 2.0, 4.0]
    """
    found = [0.0] * players
    nobody = game([False] * players)
    for _ in range(draws):
        part, before = [False] * players, nobody
        for i in torch.randperm(players, generator=rng).tolist():
            part[i] = True
            after = game(part)
            found[i] += (after - before) / draws
            before = after
    return found


def partial(game: Game, players: int, most: int) -> list[float]:
    """Return the mean of what a player adds, over coalitions of at most `most` others and of all but at most `most`.

    The two ends of the exact sum, in which each size of S counts alike, and so does each S of a size. Exact where the
    ends meet, from 2 most >= n - 2 on; elsewhere the values do not add up to v(N) - v(∅).

    >>> additive = lambda part: sum(2.0**i for i in range(3) if part[i])
    >>> partial(additive, 3, 0)
    [1.0, 2.0, 4.0]
    """
    sizes = [size for size in range(players) if size <= most or size >= players - 1 - most]
    known: dict[tuple[bool, ...], float] = {}

    def value(part: list[bool]) -> float:
        key = tuple(part)
        if key not in known:
            known[key] = game(part)
        return known[key]

    found = []
    for i in range(players):
        others = [j for j in range(players) if j != i]
        total = 0.0
        for size in sizes:
            for team in combinations(others, size):
                without = [j in team for j in range(players)]
                added = [j in team or j == i for j in range(players)]
                total += (value(added) - value(without)) / comb(players - 1, size)
        found.append(total / len(sizes))
    return found


def by_regression(game: Game, players: int, draws: int, rng: torch.Generator) -> list[float]:
    """Return the weighted least squares of v(S) - v(∅) by Σ_{i in S} φ_i, under Σ φ_i = v(N) - v(∅).

    Weights are those of Charnes, Golany, Keane, Rousseau (1988): coalitions are drawn with a size s of probability in
    proportion to 1 / (s (n-s)), all of a size alike, so that each draw weighs alike. With all coalitions, each at its
    weight, φ would be exact. (The first author's earlier code fits without weights and without the constraint, which
    is another quantity.)

    >>> additive = lambda part: sum(2.0**i for i in range(3) if part[i])
    >>> [round(each, 6) for each in by_regression(additive, 3, 20, torch.Generator().manual_seed(0))]
    [1.0, 2.0, 4.0]
    """
    if players == 1:
        return exact(game, 1)
    sizes = torch.arange(1, players, dtype=torch.float64)
    drawn = torch.multinomial(1 / (sizes * (players - sizes)), draws, replacement=True, generator=rng) + 1
    parts = torch.zeros(draws, players, dtype=torch.float64)
    for row, size in zip(parts, drawn.tolist(), strict=True):
        row[torch.randperm(players, generator=rng)[:size]] = 1.0
    nobody, everybody = game([False] * players), game([True] * players)
    values = torch.tensor([game((row > 0).tolist()) - nobody for row in parts], dtype=torch.float64)
    return constrained(parts, values, torch.ones(draws, dtype=torch.float64), everybody - nobody)


def constrained(parts: torch.Tensor, values: torch.Tensor, weights: torch.Tensor, total: float) -> list[float]:
    """Return argmin_φ Σ_t weights_t (values_t - parts_t · φ)² under Σ φ = total; the shortest where there are many.

    Each row of `parts` is written by its distances from the mean player, which turns the constraint into φ = total / n
    plus a vector of sum zero.
    """
    players = parts.shape[1]
    even = total / players
    centred = parts - parts.mean(1, keepdim=True)
    root = weights.sqrt()
    left = torch.linalg.pinv(root[:, None] * centred) @ (root * (values - parts.sum(1) * even))
    found: list[float] = (even + left - left.mean()).tolist()
    return found
