"""How much of a layer is kept, and who competes: a checked wish, and the masks that fulfil it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args

import torch

from pruneproof.api import BadConfig, MaskSet, UnknownName, keep_count, select

Scope = Literal["row", "tensor", "block"]


@dataclass(frozen=True)
class Amount:
    """A sparsity among those of a scope, or N of every M neighbouring inputs."""

    sparsity: float | None = None
    """Fraction to remove, in [0, 1); None where a pattern says it."""
    scope: Scope = "tensor"
    """Who competes for a sparsity: the weights of an output unit, of a layer, or of all layers of a block."""
    pattern: tuple[int, int] | None = None
    """N and M."""

    @classmethod
    def parse(cls, sparsity: float | None, structure: str, scope: str | None, *, default: Scope) -> "Amount":
        """Check a wish; `default` is the scope where none was given.

        Raises:
            BadConfig: an unknown structure, a sparsity out of range, or arguments that contradict each other.
            UnknownName: an unknown scope.
        """
        if scope is not None and scope not in get_args(Scope):
            advice = "Weights of other blocks cannot compete: when one block is scored, the next has no inputs yet."
            raise UnknownName.among("scope", scope, get_args(Scope), advice=advice)
        if structure == "weight":
            if sparsity is None:
                raise BadConfig('say how much to prune: a `sparsity` in [0, 1), or a `structure` such as "2:4".')
            keep_count(1, sparsity)  # refuses what is out of range
            return cls(sparsity, cast("Scope", scope) if scope else default)
        found = re.fullmatch(r"(\d+):(\d+)", structure)
        if not found or not 0 < int(found[1]) < int(found[2]):
            raise BadConfig(
                f'structure "{structure}" is not understood. Write "weight", or N:M with 0 < N < M as in "2:4".'
            )
        if sparsity is not None or scope is not None:
            raise BadConfig(
                f"the structure {structure} says how much is kept and who competes. Leave `sparsity` and `scope` out."
            )
        return cls(pattern=(int(found[1]), int(found[2])))

    def choose(self, scores: Mapping[str, torch.Tensor]) -> MaskSet:
        """Return the masks of the largest scores, name -> (outputs, inputs); ties go to the lower name and index."""
        if self.pattern:
            return select(scores, score="given", structure="{}:{}".format(*self.pattern))
        scope: Literal["global", "tensor", "row"] = "global" if self.scope == "block" else self.scope
        return select(scores, score="given", scope=scope, sparsity=self.sparsity)

    def choose_columns(self, scores: torch.Tensor, start: int) -> torch.Tensor:
        """Return the mask of a slice of a matrix's columns, such that the slices add up to the matrix's exact count.

        Args:
            scores: of the columns from `start` on, (outputs, columns), contiguous.
            start: how many columns were chosen from before.
        """
        if self.pattern or self.sparsity is None:
            return self.choose({"slice": scores})["slice"].to(scores.device)
        rows, columns = scores.shape
        together = rows if self.scope == "tensor" else 1
        keep = keep_count(together * (start + columns), self.sparsity) - keep_count(together * start, self.sparsity)
        scope: Literal["tensor", "row"] = "tensor" if self.scope == "tensor" else "row"
        return select({"slice": scores}, score="given", scope=scope, keep=keep)["slice"].to(scores.device)
