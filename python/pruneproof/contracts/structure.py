"""`Structure`: which weights live and die together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from pruneproof.contracts.source import Source

if TYPE_CHECKING:  # the command line's start-up does without numpy
    import numpy as np
    from numpy.typing import NDArray

Places: TypeAlias = "tuple[int, ...] | NDArray[np.int64]"
"""Units of one tensor: the sides of a regular grid of blocks, or the number of the unit at each place."""


@dataclass(frozen=True)
class Structure:
    """A named way to group weights into units, each of which is kept or removed whole.

    `units` asks for its ingredients by name: `shapes`, name -> shape of each prunable tensor; `module`, the network,
    for units that span tensors; `example`, an input of the network, for those that follow it. It returns name ->
    `Places`. A tuple says that the units are the blocks of these sides,
    one side per dimension (smaller at the end of a dimension). An integer array that broadcasts to the tensor's shape
    says which unit each place belongs to: one number, one unit, in as many tensors as it stands in; -1 is in no unit
    and stays alive. It may name tensors beyond those of `shapes`, such as the batch normalisation of a convolution:
    these die with the unit and are never scored.
    """

    id: str
    units: Callable[..., Mapping[str, Places]]
    source: Source
    about: str
    """What a unit is, in one sentence."""
    keep: Callable[..., int] | None = None
    """For N:M: options -> how many weights of each unit stay, its best ones. None where units live or die whole."""
    example: Mapping[str, Any] = field(default_factory=dict)
    """Options for the conformance kit, where the defaults alone answer nothing."""
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    """Law -> reason why this structure cannot obey it. Obeying it all the same is a failure too."""
