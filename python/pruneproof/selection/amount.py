"""How much is kept: a sparsity or a number, counted by a rule."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from operator import index
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pruneproof.contracts.counting import CountingRule
from pruneproof.errors import BadConfig, BadPlugin, InfeasibleSelection
from pruneproof.registry.blame import blamed
from pruneproof.selection.rules import ask
from pruneproof.units import ROUNDING, keep_count


@dataclass(frozen=True)
class Amount:
    """A fraction of the competing units to remove, or the number of them to keep; exactly one is given."""

    sparsity: float | None = None
    keep: int | None = None
    before: float | None = None
    """The sparsity that the mask so far was made for, where that is known."""

    def __post_init__(self) -> None:
        """Read whatever kind of number was given.

        Raises:
            BadConfig: it is none.
        """
        object.__setattr__(self, "sparsity", share("sparsity", self.sparsity))
        object.__setattr__(self, "before", share("before", self.before))
        object.__setattr__(self, "keep", _whole("keep", self.keep))

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
        with blamed(f'counting rule "{rule.id}"'):
            found = ask(rule.keep, given, options)
        if isinstance(found, bool) or not isinstance(found, int | np.integer) or not 0 <= found <= alive:
            raise BadPlugin(
                f'counting rule "{rule.id}" keeps {found!r} of {alive} units; a whole number from 0 to {alive} was '
                "expected."
            )
        return int(found)


def share(what: str, given: Any) -> float | None:
    """Return a share as the float that is spelled like it: float32's 0.9 is 0.9, not 0.8999999761581421.

    >>> share("sparsity", np.float32(0.9)), share("sparsity", Decimal("0.29"))
    (0.9, 0.29)

    Raises:
        BadConfig: it is no number.
    """
    if given is None or type(given) is float:
        return given
    try:
        if isinstance(given, str | bytes | bool | np.bool_):
            raise TypeError
        if isinstance(given, Real | Decimal) and not isinstance(given, np.generic):
            return float(given)
        number = np.asarray(given)
        if number.dtype.kind not in "fiu" or number.ndim:
            raise TypeError
        return float(np.format_float_positional(number.reshape(-1)[0]))  # the shortest that is read back as the same
    except (TypeError, ValueError, RuntimeError):
        raise BadConfig(
            f"{what} {given!r:.80} is no number: a fraction of removed weights in [0, 1) was expected, as 0.9 for 90 %."
        ) from None


def _whole(what: str, given: Any) -> int | None:
    if given is None or type(given) is int:
        return given
    try:
        if isinstance(given, bool | np.bool_):
            raise TypeError
        return index(given)
    except TypeError:
        raise BadConfig(
            f"{what} {given!r:.80} is no whole number: a number of weights was expected. For a fraction write sparsity."
        ) from None


def _fraction(target: float, density: Decimal) -> float:
    """Return the fraction of a density whose removal leads to a target: 1 - (1 - target) / density, at least 0.

    A decimal number that the rounding of the target blurs comes out sharp, as a config would spell it.

    >>> _fraction(0.36, Decimal("0.8")), _fraction(1 - 0.93**3, Decimal("0.93") ** 2), _fraction(0.1, Decimal("0.8"))
    (0.2, 0.07, 0.0)
    """
    exact = 1 - (1 - Decimal(repr(float(target)))) / density
    spelled = round(exact, 6)
    return max(0.0, float(spelled if abs(exact - spelled) <= ROUNDING / density else exact))
