"""A network as it stands between two steps of a method, and what later steps may take over from earlier ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from pruneproof.errors import BadConfig, UnknownName
from pruneproof.papers.steps import Init, Step, Train


@dataclass(frozen=True)
class State:
    """A network as it stands: the stages behind its weights, mask and shape, and how far it is trained."""

    weights: str = ""
    mask: str = ""
    shape: str = ""
    trained: str = ""
    """The training stage that made the weights; empty where something else did."""
    epochs: int = 0
    """Epochs trained since initialisation."""
    sparsity: float = 0.0
    """The target that the mask was made for."""
    position: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Recipe -> its epochs that the weights have behind them."""

    def upstream(self) -> dict[str, str]:
        """Return role -> digest for a stage that works on this network."""
        roles = {"weights": self.weights, "mask": self.mask, "shape": self.shape}
        return {role: digest for role, digest in roles.items() if digest}


@dataclass(frozen=True)
class Placed:
    """A step in the order in which it runs, with the round that it is in."""

    step: Step
    sparsity: float
    """The target of a step that prunes."""
    round: int = 0
    """From 1 in a repetition, 0 outside of any."""


@dataclass
class Folded:
    """What became of one method at one sparsity."""

    state: State = State()
    stages: list[str] = field(default_factory=list)
    measures: dict[str, str] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)
    """Name of a step -> the network after it."""


def names_of(placed: Placed) -> list[str]:
    """Return the names by which a step is known: in a repetition that of its round, and its own for the last round."""
    if placed.step.name is None:
        return []
    return [placed.step.name, *([f"{placed.step.name}-{placed.round}"] if placed.round else [])]


def named(so_far: Folded, name: str, label: str) -> State:
    """Return the network after the step of a name.

    Raises:
        UnknownName: no step before has it.
    """
    if name not in so_far.states:
        known = [each for each in so_far.states if not each.startswith("mask of ")]
        raise UnknownName.among("step", name, known, where=label)
    return so_far.states[name]


def with_mask_of(state: State, old: State) -> State:
    """Return an earlier network under the mask and in the shape of today; epochs count on."""
    return replace(old, mask=state.mask, shape=state.shape, epochs=state.epochs, sparsity=state.sparsity)


def same_shape(other: State, state: State, place: str, label: str) -> State:
    """Return what is taken over, which must come from a network of the same shape.

    Raises:
        BadConfig: its shape is another one.
    """
    if other.shape != state.shape:
        raise BadConfig(
            f"{label}, {place}: there the network has another shape, because of a shrink step between. Take it over "
            "before the shrink step."
        )
    return other


def named_mask(so_far: Folded, name: str, label: str) -> State:
    """Return the network with the mask that a step has made, whether it was applied or only marks.

    Raises:
        UnknownName: there is no such step.
        BadConfig: it has no mask, or one of another shape.
    """
    found = so_far.states.get(f"mask of {name}") or named(so_far, name, label)
    same_shape(found, so_far.state, f"mask of {name}", label)
    if not found.mask:
        raise BadConfig(f'{label}: the step "{name}" has no mask. Name a step that prunes.')
    return found


def keeps_optimizer(later: Sequence[Placed], name: str | None) -> bool:
    """Say whether a later training goes on with the optimizer's state of the one before."""
    following = next((each.step for each in later if isinstance(each.step, Train | Init)), None)
    goes_on = isinstance(following, Train) and following.origin is None and following.optimizer == "kept"
    by_name = any(
        isinstance(each.step, Train) and each.step.optimizer == "kept" and name is not None and each.step.origin == name
        for each in later
    )
    return goes_on or by_name
