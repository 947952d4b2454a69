"""How much is kept: a sparsity or a number, counted by a rule."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pruneproof.contracts.counting import CountingRule
from pruneproof.errors import BadConfig, BadPlugin, InfeasibleSelection
from pruneproof.selection.rules import ask
from pruneproof.units import ROUNDING, keep_count


@dataclass(frozen=True)
class Amount:
    """A fraction of the competing units to remove, or the number of them to keep; exactly one is given."""

    sparsity: float | None = None
    keep: int | None = None
    before: float | None = None
    """The sparsity that the mask so far was made for, where that is known."""

    def check(self) -> None:
        """Check that one of the two is given.

        Raises:
            BadConfig: none is, or both.
        """
        if (self.sparsity is None) == (self.keep is None):
            raise BadConfig("select needs exactly one of `sparsity` and `keep`.")

    def of(self, size: int, place: str) -> int:
        """Return how many of `size` units are kept, N - floor(sparsity N) by sparsity; `place` names them in a message.

        Raises:
            BadConfig: a sparsity out of range, or not exactly one amount.
            InfeasibleSelection: a number out of range.
        """
        self.check()
        if self.sparsity is not None:
            return keep_count(size, self.sparsity)
        assert self.keep is not None
        if not 0 <= self.keep <= size:
            raise InfeasibleSelection(
                f"{self.keep} units of {place} are to be kept; a number from 0 to {size} was expected."
            )
        return self.keep

    def by_rule(
        self,
        rule: CountingRule,
        options: Mapping[str, Any],
        size: int,
        alive: int,
        scores: Callable[[], NDArray[Any]],
    ) -> int:
        """Return how many units a counting rule keeps.

        The rule sees the units that are alive, and the fraction of *them* whose removal leads to the sparsity; or all
        units and the sparsity itself; or the fraction that lies between two targets, whatever the mask so far made of
        the first.

        Args:
            rule: the rule.
            options: its options.
            size: number of units, dead ones included.
            alive: number of units alive.
            scores: their scores as one array; called if the rule asks for it.

        Raises:
            BadConfig: no sparsity.
            BadPlugin: an answer that is no number of units.
        """
        if self.sparsity is None:
            raise BadConfig(f'the counting rule "{rule.id}" counts by a sparsity. Give `sparsity` instead of `keep`.')
        keep_count(size, self.sparsity)  # refuses a sparsity out of range
        if not alive:
            return 0
        target = self.sparsity
        before, density = self.before, Decimal(alive) / size
        fraction = target if alive == size else _fraction(target, density)

        def between() -> float:
            return fraction if alive == size or before is None else _fraction(target, 1 - Decimal(repr(float(before))))

        given = {
            "size": lambda: alive,
            "sparsity": lambda: fraction,
            "scores": scores,
            "total": lambda: size,
            "target": lambda: target,
            "fraction": between,
        }
        found = ask(rule.keep, given, options)
        if isinstance(found, bool) or not isinstance(found, int | np.integer) or not 0 <= found <= alive:
            raise BadPlugin(
                f'counting rule "{rule.id}" keeps {found!r} of {alive} units; a whole number from 0 to {alive} was '
                "expected."
            )
        return int(found)


def _fraction(target: float, density: Decimal) -> float:
    """Return the fraction of a density whose removal leads to a target: 1 - (1 - target) / density, at least 0.

    A decimal number that the rounding of the target blurs comes out sharp, as a config would spell it.

    >>> _fraction(0.36, Decimal("0.8")), _fraction(1 - 0.93**3, Decimal("0.93") ** 2), _fraction(0.1, Decimal("0.8"))
    (0.2, 0.07, 0.0)
    """
    exact = 1 - (1 - Decimal(repr(float(target)))) / density
    spelled = round(exact, 6)
    return max(0.0, float(spelled if abs(exact - spelled) <= ROUNDING / density else exact))
