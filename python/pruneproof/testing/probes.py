"""`ChangedProbe`: the same probe, seen through a change of names, numbers or precision."""

from collections.abc import Callable
from typing import Any

from pruneproof.api import Probe, Tensors


class ChangedProbe:
    """Changes what a probe is given and what it answers."""

    def __init__(
        self,
        probe: Probe,
        *,
        given: Callable[[Tensors], Tensors] = lambda tensors: tensors,
        answered: Callable[[Tensors], Tensors] = lambda tensors: tensors,
    ) -> None:
        self._probe, self._given, self._answered = probe, given, answered

    def gradients(self, *, at: Tensors | None = None, **options: Any) -> Tensors:
        """As `Probe.gradients`."""
        return self._answered(self._probe.gradients(at=None if at is None else self._given(at), **options))

    def hessian_vector(self, vector: Tensors, **options: Any) -> Tensors:
        """As `Probe.hessian_vector`."""
        return self._answered(self._probe.hessian_vector(self._given(vector), **options))

    def curvature(self, *arguments: Any, **options: Any) -> Tensors:
        """As `Probe.curvature`."""
        return self._answered(self._probe.curvature(*arguments, **options))
