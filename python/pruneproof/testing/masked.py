"""`Masked`: a few prunable tensors under a mask, in one printable line; what updates, transforms and penalties see."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch
from hypothesis import assume
from hypothesis import strategies as st

from pruneproof.api import PruneproofError, Tensors
from pruneproof.contracts.functions import ingredients
from pruneproof.testing import surroundings
from pruneproof.testing.law import require
from pruneproof.testing.networks import Readable
from pruneproof.testing.strategies import SEEDS, SHAPES

NAMES = ("m.weight", "c.weight", "z.weight", "a.weight")
"""Not in the order of the alphabet, so that the order of tensors is not that of their names."""
Alive = Literal["some", "one", "all", "none"]
Fill = Literal["normal", "ties", "zeros"]
DTYPES = {"float32": torch.float32, "float64": torch.float64, "bfloat16": torch.bfloat16}


@dataclass(frozen=True, repr=False)
class Masked(Readable):
    """What laws about updates, transforms and regularizers are tried on.

    >>> case = Masked(shapes=((2, 3), (4,)), alive="all")
    >>> case, [tuple(each.shape) for each in case.weights.values()]
    (Masked(shapes=((2, 3), (4,)), alive='all'), [(2, 3), (4,)])
    """

    shapes: tuple[tuple[int, ...], ...] = ()
    alive: Alive = "some"
    """About half of the weights, one of each tensor, all, or none."""
    fill: Fill = "normal"
    """Numbers drawn from N(0, 1), of few values (ties), or all zero."""
    dtype: str = "float32"
    progress: float = 0.0
    step: int = 0
    seed: int = 0

    @cached_property
    def masks(self) -> dict[str, torch.Tensor]:
        """The mask of each tensor."""
        draw = torch.Generator().manual_seed(self.seed + 1)
        return {name: self._mask(shape, draw) for name, shape in self._named}

    @cached_property
    def weights(self) -> dict[str, torch.Tensor]:
        """The weights, dead ones zero."""
        return {name: torch.where(self.masks[name], each, 0.0) for name, each in self._drawn(2).items()}

    @cached_property
    def grads(self) -> dict[str, torch.Tensor]:
        """Dense gradients."""
        return self._drawn(3)

    def given(self, function: Callable[..., Any], *, seed: int = 0, turned: bool = False) -> dict[str, Any]:
        """Return copies of what a function asks for by name; `turned`: with the tensors in reverse order."""
        asked = {name: self._ingredient(name, seed) for name in ingredients(function)}
        if turned:
            asked = {
                name: dict(reversed(each.items())) if isinstance(each, dict) else each for name, each in asked.items()
            }
        return asked

    @property
    def _named(self) -> Sequence[tuple[str, tuple[int, ...]]]:
        return list(zip(NAMES, self.shapes, strict=False))

    def _mask(self, shape: tuple[int, ...], draw: torch.Generator) -> torch.Tensor:
        flags = torch.rand(shape, generator=draw) < 0.5
        if self.alive in ("all", "none"):
            return torch.full(shape, self.alive == "all")
        if self.alive == "one" and flags.numel():
            place = int(torch.randint(flags.numel(), (), generator=draw))
            return (torch.arange(flags.numel()) == place).reshape(shape)
        return flags

    def _drawn(self, salt: int) -> dict[str, torch.Tensor]:
        draw = torch.Generator().manual_seed(100 * self.seed + salt)
        return {name: self._filled(shape, draw) for name, shape in self._named}

    def _filled(self, shape: tuple[int, ...], draw: torch.Generator) -> torch.Tensor:
        if self.fill == "ties":
            numbers = torch.randint(-2, 3, shape, generator=draw).double()
        elif self.fill == "zeros":
            numbers = torch.zeros(shape, dtype=torch.float64)
        else:
            numbers = torch.randn(shape, generator=draw, dtype=torch.float64)
        return numbers.to(DTYPES[self.dtype])

    def _state(self, salt: int) -> dict[str, torch.Tensor]:
        """Return a state dict: weights, biases, running statistics and a counter."""
        state = self._drawn(salt)
        biases = {name.replace("weight", "bias"): each.flatten()[:2].clone() for name, each in state.items()}
        return {**state, **biases, "norm.running_mean": torch.full((2,), float(salt)), "norm.count": torch.tensor(salt)}

    def _ingredient(self, name: str, seed: int) -> Any:
        match name:
            case "weights":
                return _copied(self.weights)
            case "alive":
                return _copied(self.masks)
            case "grads":
                return _copied(self.grads)
            case "scores":
                return self._drawn(4)
            case "state":
                return {**self._state(5), **_copied(self.weights)}
            case "fresh":
                return self._state(6)
            case "parameters":
                return {name: each for name, each in self._ingredient("state", seed).items() if "norm" not in name}
            case "marked":
                draw = torch.Generator().manual_seed(self.seed + 7)
                return {name: torch.rand(shape, generator=draw) < 0.5 for name, shape in self._named}
            case "scales" | "shifts":  # of every second tensor with filters, as where a normalisation follows
                return {key: each.flatten(1).sum(1) for key, each in [*self._drawn(9).items()][::2] if each.dim() > 1}
            case "start":
                return {name: torch.where(self.masks[name], each, 0.0) for name, each in self._drawn(8).items()}
            case "rng":
                return torch.Generator().manual_seed(seed)
            case "step" | "progress":
                return getattr(self, name)
        raise AssertionError(name)


@st.composite
def masked(draw: st.DrawFn) -> Masked:
    """Draw tensors of odd shapes under a mask, the plainest first."""
    return Masked(
        shapes=tuple(draw(st.lists(SHAPES, min_size=1, max_size=4))),
        alive=draw(st.sampled_from(["some", "one", "all", "none"])),
        fill=draw(st.sampled_from(["normal", "ties", "zeros"])),
        dtype=draw(st.sampled_from(["float32", "float64", "bfloat16"])),
        progress=draw(st.sampled_from([0.0, 0.25, 0.5, 0.9])),
        step=draw(st.sampled_from([0, 1, 7, 1000])),
        seed=draw(SEEDS),
    )


def plain_masked() -> list[Masked]:
    """Return cases that are always tried: each mask and filling on tensors of some size, and each dtype."""
    shapes = ((8, 8), (2, 1, 3, 3), (4,))
    cases = [Masked(shapes, alive=alive) for alive in ("some", "one", "all", "none")]
    cases += [Masked(shapes, fill=fill, seed=seed) for fill in ("ties", "zeros") for seed in (0, 1)]
    cases += [Masked(((2, 2),), alive="one"), Masked(shapes, dtype="bfloat16")]
    return [*cases, Masked(((5, 2), (0, 3), (1, 1)), seed=2)]


def asked(function: Callable[..., Any], given: Mapping[str, Any]) -> Any:
    """Call a function on its ingredients; what it refuses by one of pruneproof's errors says nothing about a law."""
    try:
        return function(*given.values())
    except PruneproofError:
        assume(False)


def require_untouched(given: Mapping[str, Any], call: Callable[[], Any]) -> None:
    """Require that a call leaves the ingredients' names and bits as they are.

    Raises:
        LawBroken: it does not.
    """
    before = {kind: dict(each) for kind, each in given.items() if isinstance(each, Mapping)}
    bits = {kind: {name: _bits(each) for name, each in group.items()} for kind, group in before.items()}
    call()
    for kind, group in before.items():
        same = list(given[kind]) == list(group)
        require(same, f"{kind} has other names or another order", "leave the mappings that you are given alone.")
        for name in group:
            advice = "take the operation without trailing underscore (abs, not abs_), or clone first."
            require(_bits(given[kind][name]) == bits[kind][name], f'{kind} of "{name}" was written to', advice)


def require_generators_untouched(call: Callable[[], Any], advice: str) -> None:
    """Require that a call leaves the global random generators where they are.

    Raises:
        LawBroken: it does not.
    """
    before = surroundings.generator_states()
    call()
    after = surroundings.generator_states()
    moved = [name for name in before if before[name] != after[name]]
    require(not moved, f"the global generator of {', '.join(moved)} moved", advice)


def first_difference(left: Tensors, right: Tensors) -> str:
    """Return where two sets of tensors differ in names or bits, in words; empty where they do not."""
    if set(left) != set(right):
        return f"{sorted(map(str, left))}, then {sorted(map(str, right))}"
    return next((f'"{name}" differs' for name in left if _bits(left[name]) != _bits(right[name])), "")


def _bits(tensor: torch.Tensor) -> tuple[Any, ...]:
    plain = tensor.detach().cpu().contiguous()
    return plain.dtype, tuple(plain.shape), plain.reshape(-1).view(torch.uint8).numpy().tobytes()


def _copied(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: each.clone() for name, each in tensors.items()}
