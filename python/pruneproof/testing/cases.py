"""`Case`: a network, samples and a mask in one printable line; `Scene`: the same, built."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from hypothesis import assume
from torch import nn

from pruneproof.api import Batch, Criterion, PruneproofError, Scored, Tensors
from pruneproof.testing.networks import CLASSES, Network, Readable
from pruneproof.training.scoring import gather
from pruneproof.values.masks import MaskSet


@dataclass(frozen=True, repr=False)
class Case(Readable):
    """What a law about criteria is tried on.

    >>> Case(Network(kind="tied"), batches=(2, 1))
    Case(network=Network(kind='tied'), batches=(2, 1))
    """

    network: Network = field(default=Network())
    batches: tuple[int, ...] = (2,)
    """Number of samples in each scoring batch."""
    inputs: Literal["normal", "zeros"] = "normal"
    dead: float = 0.0
    """Fraction of the prunable weights that a mask has killed."""
    seed: int = 0
    """Of samples, labels, mask and whatever else the law draws."""

    def build(self, dtype: torch.dtype = torch.float64) -> "Scene":
        """Make the network, the mask and the samples."""
        model = self.network.build(dtype)
        names = self.network.prunable(model)
        draw = self.generator()
        shapes = {name: tuple(model.get_parameter(name).shape) for name in names}
        alive = {name: torch.rand(shape, generator=draw) >= self.dead for name, shape in shapes.items()}
        return Scene(
            case=self,
            model=model,
            names=tuple(names),
            masks=MaskSet.from_tensors(alive) if self.dead else None,
            batches=self.samples(self.seed),
        )

    @property
    def steady(self) -> bool:
        """Whether sums in another order change little: BatchNorm blows up the rounding of constant channels."""
        return self.network.fill != "wide" and self.inputs == "normal"

    def samples(self, seed: int) -> tuple[Batch, ...]:
        """Draw inputs and labels of this case's shapes."""
        draw = torch.Generator().manual_seed(seed)
        drawn = [
            (torch.randn(count, *self.network.shape, generator=draw), torch.randint(CLASSES, (count,), generator=draw))
            for count in self.batches
        ]
        return tuple((torch.zeros_like(x) if self.inputs == "zeros" else x, y) for x, y in drawn)

    def generator(self) -> torch.Generator:
        """Return a fresh generator of this case's seed."""
        return torch.Generator().manual_seed(self.seed)


@dataclass(frozen=True)
class Scene:
    """A case, built: what `pruneproof.training.probe` needs to score."""

    case: Case
    model: nn.Module
    names: tuple[str, ...]
    masks: MaskSet | None
    batches: tuple[Batch, ...]

    def ingredients(self, criterion: Criterion, *, seed: int = 0, batches: tuple[Batch, ...] = ()) -> dict[str, Any]:
        """Gather what `criterion` asks for, from these samples or from others."""
        rng = torch.Generator().manual_seed(seed)
        given = self.model, self.names, self.masks, batches or self.batches, rng, criterion.ingredients
        return gather(*given, initial=self.initial)

    def initial(self) -> dict[str, torch.Tensor]:
        """Return weights that the network could have begun with: half of what they are, and 0 at dead ones."""
        halves = {name: self.model.get_parameter(name).detach() / 2 for name in self.names}
        if self.masks is None:
            return halves
        return {name: torch.where(self.masks[name], each, 0.0) for name, each in halves.items()}

    def scores(
        self, criterion: Criterion, *, seed: int = 0, batches: tuple[Batch, ...] = ()
    ) -> dict[str, torch.Tensor]:
        """Return the criterion's own scores, with its default options, unchecked."""
        return scored(criterion, self.ingredients(criterion, seed=seed, batches=batches))


def scored(criterion: Criterion, ingredients: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Call the criterion on these ingredients, with its default options and `rng` at its beginning."""
    if "rng" in ingredients:
        ingredients = {**ingredients, "rng": torch.Generator().manual_seed(ingredients["rng"].initial_seed())}
    return {name: each.detach() for name, each in scores_in(asked(criterion, ingredients)).items()}


def asked(criterion: Criterion, ingredients: Mapping[str, Any]) -> Any:
    """Return what the criterion answers; a network that it refuses by one of pruneproof's errors says nothing."""
    try:
        return criterion.score(**ingredients)
    except PruneproofError:
        assume(False)


def scores_in(answer: Any) -> Any:
    """Return the scores of an answer, which may bring an update of the survivors along."""
    return answer.scores if isinstance(answer, Scored) else answer


def tensors_in(ingredients: Mapping[str, Any]) -> dict[str, Tensors]:
    """Return the ingredients that are tensors by name."""
    return {name: each for name, each in ingredients.items() if isinstance(each, Mapping)}
