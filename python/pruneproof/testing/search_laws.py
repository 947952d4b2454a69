"""What every mask search obeys. v are its variables, w the weights and N their number, s the sparsity."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import assume
from hypothesis import strategies as st

from pruneproof.api import MaskSearch, PruneproofError, Tensors, keep_count
from pruneproof.testing import surroundings
from pruneproof.testing.law import law, require
from pruneproof.testing.masked import (
    DTYPES,
    NAMES,
    first_difference,
    require_generators_untouched,
    require_untouched,
)
from pruneproof.testing.networks import Readable
from pruneproof.testing.strategies import SEEDS, SHAPES

DRAW = "draw only from `rng`, and keep nothing between two calls."


@dataclass(frozen=True, repr=False)
class Hunt(Readable):
    """What a mask search is tried on: tensors, how much to leave out, and when."""

    shapes: tuple[tuple[int, ...], ...] = ()
    sparsity: float = -1.0
    progress: float = 0.0
    dtype: str = "float32"
    seed: int = 0

    @property
    def weights(self) -> dict[str, torch.Tensor]:
        """The weights, drawn from N(0, 1)."""
        draw = torch.Generator().manual_seed(self.seed)
        named = zip(NAMES, self.shapes, strict=False)
        return {name: torch.randn(shape, generator=draw).to(DTYPES[self.dtype]) for name, shape in named}

    def rng(self, salt: int = 0) -> torch.Generator:
        """Return a fresh generator."""
        return torch.Generator().manual_seed(self.seed + salt)


@st.composite
def hunts(draw: st.DrawFn) -> Hunt:
    """Draw tensors of odd shapes and sparsities from nothing to nearly everything."""
    return Hunt(
        shapes=tuple(draw(st.lists(SHAPES, min_size=1, max_size=4))),
        sparsity=draw(st.sampled_from([0.5, 0.9, 0.0, 0.29, 0.99]) | st.floats(0.0, 1.0, exclude_max=True)),
        progress=draw(st.sampled_from([0.0, 0.5, 0.99])),
        dtype=draw(st.sampled_from(["float32", "float64", "bfloat16"])),
        seed=draw(SEEDS),
    )


def plain_hunts() -> list[Hunt]:
    """Return cases that are always tried: tensors of some size and of none, at a few sparsities."""
    return [
        Hunt(shapes, sparsity) for shapes in (((8, 8), (5, 2), (4,)), ((0, 3), (1, 1))) for sparsity in (0.5, 0.0, 0.9)
    ]


def names_and_shapes(search: MaskSearch, hunt: Hunt) -> None:
    """Variables are floating-point tensors; gates are so too and masks are bool, both of the weights' names and shapes.

    A penalty, where there is one, is one finite number; a projection keeps the variables' names and shapes.
    """
    variables = _started(search, hunt)
    advice = "return {name: floating-point tensor} from `start`."
    require(isinstance(variables, Mapping) and bool(variables), f"{type(variables).__name__} as variables", advice)
    for name, each in variables.items():
        floating = isinstance(each, torch.Tensor) and each.is_floating_point()
        require(floating, f'the variable "{name}" of {getattr(each, "dtype", type(each).__name__)}', advice)
    expected = {name: tuple(weight.shape) for name, weight in hunt.weights.items()}
    for what, answer in (("gates", _gates(search, hunt, variables)), ("masks", _exported(search, hunt, variables))):
        wish = f"return {{name: tensor of the weight's shape}} for each weight as {what}."
        require(isinstance(answer, Mapping), f"a {type(answer).__name__} as {what}", wish)
        found = {name: tuple(each.shape) for name, each in answer.items()}
        require(found == expected, f"{what} of {found} instead of {expected}", wish)
        for name, each in answer.items():
            fits = each.dtype == torch.bool if what == "masks" else each.is_floating_point()
            require(fits, f'{what} of "{name}" of {each.dtype}', "gates are floating-point, masks bool.")
    if search.penalty is not None:
        penalty = search.penalty(variables, hunt.sparsity, hunt.progress)
        one = isinstance(penalty, torch.Tensor) and penalty.numel() == 1 and bool(penalty.isfinite().all())
        require(one, f"{penalty!r:.60} as penalty", "return a sum, as a tensor of one finite number.")
    if search.project is not None:
        projected = _projected(search, hunt, variables)
        wanted = {name: tuple(each.shape) for name, each in variables.items()}
        forms = {name: tuple(each.shape) for name, each in projected.items()}
        require(forms == wanted, f"variables projected to {forms} instead of {wanted}", "return all variables.")


def gate_differentiable(search: MaskSearch, hunt: Hunt) -> None:
    """∂(Σ c ⊙ gate(v))/∂v exists for every variable tensor, and is finite."""
    variables = {name: each.detach().clone().requires_grad_() for name, each in _started(search, hunt).items()}
    gates = _gates(search, hunt, variables)
    draw = hunt.rng(1)
    total = sum((torch.randn(each.shape, generator=draw).to(each) * each).sum() for each in gates.values())
    advice = "let a gradient pass: a straight-through step is hard + (soft - soft.detach())."
    reached = isinstance(total, torch.Tensor) and total.requires_grad
    require(reached, "gates that no gradient passes", advice)
    slopes = torch.autograd.grad(total, list(variables.values()), allow_unused=True)
    for name, slope in zip(variables, slopes, strict=True):
        require(slope is not None, f'the variable "{name}" gets no gradient', advice)
        require(slope is None or bool(slope.isfinite().all()), f'the gradient of "{name}" is not finite', advice)


def export_exact(search: MaskSearch, hunt: Hunt) -> None:
    """|export(v)| = N - floor(s N)."""
    variables = _started(search, hunt)
    found = sum(int(mask.sum()) for mask in _exported(search, hunt, variables).values())
    expected = keep_count(sum(weight.numel() for weight in hunt.weights.values()), hunt.sparsity)
    advice = "rank and cut by index; if the method's rule fixes no number, declare it in `expected_failures`."
    require(found == expected, f"{found} weights are alive instead of {expected}", advice)


def export_deterministic(search: MaskSearch, hunt: Hunt) -> None:
    """export(v) = export(v), whatever the state of the global random generators."""
    variables = _started(search, hunt)
    first = _exported(search, hunt, variables)
    surroundings.stir()
    different = first_difference(first, _exported(search, hunt, variables))
    require(not different, different, "export by a fixed rule of the variables, not by a draw.")


def reproducible(search: MaskSearch, hunt: Hunt) -> None:
    """One seed gives the same variables and gates, to the bit, and no global generator moves."""

    def once() -> tuple[Tensors, Tensors]:
        variables = _started(search, hunt)
        return variables, _gates(search, hunt, variables)

    require_generators_untouched(once, DRAW)
    first = once()
    surroundings.stir()
    for what, left, right in zip(("variables", "gates"), first, once(), strict=True):
        different = first_difference(left, right)
        require(not different, f"{what}: {different}", DRAW)


def inputs_untouched(search: MaskSearch, hunt: Hunt) -> None:
    """Weights and variables have the same names and bits after `start`, `gate`, `project` and `export` as before."""
    weights = hunt.weights
    require_untouched({"weights": weights}, lambda: _asked(lambda: search.start(weights, hunt.rng())))
    variables = dict(_started(search, hunt))
    require_untouched({"variables": variables}, lambda: _gates(search, hunt, variables))
    require_untouched({"variables": variables}, lambda: _exported(search, hunt, variables))
    if search.project is not None:
        require_untouched({"variables": variables}, lambda: _projected(search, hunt, variables))


def _asked(call: Callable[[], Any]) -> Any:
    """Ask; what is refused by one of pruneproof's errors says nothing about a law."""
    try:
        return call()
    except PruneproofError:
        assume(False)


def _started(search: MaskSearch, hunt: Hunt) -> Any:
    return _asked(lambda: search.start(hunt.weights, hunt.rng()))


def _gates(search: MaskSearch, hunt: Hunt, variables: Tensors) -> Any:
    return _asked(lambda: search.gate(variables, hunt.sparsity, hunt.progress, hunt.rng(2)))


def _projected(search: MaskSearch, hunt: Hunt, variables: Tensors) -> Any:
    assert search.project is not None
    project = search.project
    return _asked(lambda: project(variables, hunt.sparsity, hunt.progress))


def _exported(search: MaskSearch, hunt: Hunt, variables: Tensors) -> Any:
    return _asked(lambda: search.export(variables, hunt.sparsity))


LAWS = (
    law(names_and_shapes),
    law(gate_differentiable),
    law(export_exact),
    law(export_deterministic),
    law(reproducible),
    law(inputs_untouched),
)
