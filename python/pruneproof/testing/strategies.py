"""Hypothesis strategies: networks, cases, courses, budgets and builds, each shrinking to a readable value."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from pruneproof.api import Criterion, Model, Schedule
from pruneproof.errors import PruneproofError
from pruneproof.testing import surroundings
from pruneproof.testing.cases import Case
from pruneproof.testing.networks import FILLS, KINDS, Kind, Network, Readable

SEEDS = st.integers(0, 99)
MOST_STEPS = 64
"""Up to so many steps are tried to find out what numbers a schedule accepts."""


def networks(kinds: Sequence[Kind] = KINDS) -> st.SearchStrategy[Network]:
    """Draw descriptions of small networks, the plainest first: an MLP of normal weights."""
    return st.builds(
        Network,
        kind=st.sampled_from(kinds),
        width=st.integers(1, 4),
        depth=st.integers(1, 3),
        features=st.integers(1, 3),
        fill=st.sampled_from(FILLS),
        bias=st.booleans(),
        seed=SEEDS,
    )


def cases(criterion: Criterion) -> st.SearchStrategy[Case]:
    """Draw what laws about `criterion` are tried on.

    The ingredient `activations` is not defined for the bare matrices of a recurrent network.
    """
    return st.builds(
        Case,
        network=networks(_kinds(criterion)),
        batches=st.sampled_from([(2,), (1,), (2, 1), (3, 2)]),
        inputs=st.sampled_from(["normal", "normal", "normal", "zeros"]),
        dead=st.sampled_from([0.0, 0.5, 0.9]),
        seed=SEEDS,
    )


def plain_cases(criterion: Criterion) -> list[Case]:
    """Return cases that are always tried: each kind of network, dense and half dead; each filling of the weights."""
    kinds = _kinds(criterion)
    by_kind = [Case(Network(kind=kind, width=3), batches=(3, 2), dead=dead) for kind in kinds for dead in (0.0, 0.5)]
    return by_kind + [Case(Network(fill=fill, bias=False, depth=2), inputs="normal") for fill in FILLS]


def _kinds(criterion: Criterion) -> list[Kind]:
    return [kind for kind in KINDS if kind != "recurrent" or "activations" not in criterion.ingredients]


@dataclass(frozen=True, repr=False)
class Course(Readable):
    """What a schedule is asked: a target sparsity and a number of steps that it accepts."""

    target: float = -1.0
    steps: int = 0


def courses(schedule: Schedule) -> st.SearchStrategy[Course]:
    """Draw targets, and of the first `MOST_STEPS` numbers of steps those that `schedule` accepts for them."""

    def accepts(course: Course) -> bool:
        try:
            schedule.sparsities(course.target, course.steps)
        except PruneproofError:
            return False
        except Exception:
            return True  # the laws will find it
        return True

    def of_target(target: float) -> st.SearchStrategy[Course]:
        with surroundings.kept():
            accepted = [course for steps in range(1, MOST_STEPS + 1) if accepts(course := Course(target, steps))]
        return st.sampled_from(accepted) if accepted else st.nothing()

    targets = st.sampled_from([0.5, 0.9, 0.0, 0.98, 0.29]) | st.floats(0.0, 1.0, exclude_max=True)
    return targets.flatmap(of_target)


@dataclass(frozen=True, repr=False)
class Budget(Readable):
    """What an allocation is asked: shapes of tensors in order, and how many weights to keep in all."""

    shapes: tuple[tuple[int, ...], ...] = ()
    keep: int = -1
    floor: int = 0
    ties: bool = False
    seed: int = 0

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Draw the weights, named so that name order is not the order of the tensors."""
        draw = np.random.default_rng(self.seed)
        names = ["m.weight", "c.weight", "z.weight", "a.weight"]
        return {
            name: (draw.integers(0, 3, shape) if self.ties else draw.normal(size=shape)).astype(np.float32)
            for name, shape in zip(names, self.shapes, strict=False)
        }

    @property
    def sizes(self) -> list[int]:
        """Weights in each tensor."""
        return [int(np.prod(shape)) for shape in self.shapes]


SHAPES = st.sampled_from([(1, 1), (2, 3), (4,), (2, 1, 3, 3), (5, 2), (1, 7), (8, 8), (0, 3)])


@st.composite
def budgets(draw: st.DrawFn) -> Budget:
    """Draw tensors and a budget from nothing to everything; with floors that fit."""
    shapes = tuple(draw(st.lists(SHAPES, min_size=1, max_size=4)))
    size = sum(int(np.prod(shape)) for shape in shapes)
    keep = draw(st.integers(0, size))
    floor = draw(st.integers(0, 3))
    while sum(min(floor, int(np.prod(shape))) for shape in shapes) > keep:
        floor -= 1
    return Budget(shapes, keep, floor, draw(st.booleans()), draw(SEEDS))


def plain_budgets() -> list[Budget]:
    """Return budgets that are always tried: equal tensors that no budget divides evenly, unequal ones, and ties."""
    equal, unequal = ((4,), (2, 2), (4, 1)), ((2, 1, 3, 3), (1, 1), (8, 8), (5, 2))
    return [
        Budget(shapes, keep, floor, ties)
        for shapes, keep, floor in ((equal, 5, 0), (equal, 7, 1), (unequal, 40, 2), (unequal, 80, 3))
        for ties in (False, True)
    ]


@dataclass(frozen=True, repr=False)
class Build(Readable):
    """How a model is built and fed: seed of the initialisation, and number of inputs."""

    seed: int = 0
    batch: int = 2


def builds(_: Model) -> st.SearchStrategy[Build]:
    """Draw seeds and batch sizes."""
    return st.builds(Build, seed=SEEDS, batch=st.sampled_from([2, 3]))
