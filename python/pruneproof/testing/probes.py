"""`ChangedProbe`: the same probe, seen through a change of names, numbers or precision."""

from collections.abc import Callable
from typing import Any

from pruneproof.api import Probe, Tensors


class ChangedProbe:
    """Changes what a probe is given and what it answers.

    >>> class Constant:
    ...     def gradients(self, **_):
    ...         return {"w": 1.0}
    ...     def layer_gram(self, **_):
    ...         return {"w": 4.0}
    >>> doubled = ChangedProbe(Constant(), answered=lambda tensors: {name: 2 * each for name, each in tensors.items()})
    >>> doubled.gradients(), doubled.layer_gram()
    ({'w': 2.0}, {'w': 4.0})
    """

    def __init__(
        self,
        probe: Probe,
        *,
        given: Callable[[Tensors], Tensors] = lambda tensors: tensors,
        answered: Callable[[Tensors], Tensors] = lambda tensors: tensors,
        features: Callable[[Tensors], Tensors] = lambda tensors: tensors,
        spare_double: bool = False,
    ) -> None:
        """Look through `probe`.

        Args:
            probe: the one that is asked.
            given: applied to the tensors that a call takes.
            answered: applied to derivatives, which have the weights' shapes, those of single samples after one axis
                more for the samples.
            features: applied to what comes from the layers' inputs (activations, second moments).
            spare_double: leave answers that were asked for in float64, and second moments, which always are.
        """
        self._probe, self._given = probe, given
        self._derivatives, self._features, self._spare_double = answered, features, spare_double

    def loss(self, *, at: Tensors | None = None, **options: Any) -> float:
        """As `Probe.loss`; a number has no names."""
        return self._probe.loss(at=None if at is None else self._given(at), **options)

    def gradients(self, *, at: Tensors | None = None, double: bool = False, **options: Any) -> Tensors:
        """As `Probe.gradients`."""
        changed = None if at is None else self._given(at)
        return self._answered(self._probe.gradients(at=changed, double=double, **options), double)

    def hessian_vector(self, vector: Tensors, *, double: bool = False, **options: Any) -> Tensors:
        """As `Probe.hessian_vector`."""
        return self._answered(self._probe.hessian_vector(self._given(vector), double=double, **options), double)

    def curvature(self, *arguments: Any, double: bool = False, **options: Any) -> Tensors:
        """As `Probe.curvature`."""
        return self._answered(self._probe.curvature(*arguments, double=double, **options), double)

    def sample_gradients(self, *, double: bool = False, **options: Any) -> Tensors:
        """As `Probe.sample_gradients`."""
        return self._answered(self._probe.sample_gradients(double=double, **options), double)

    def activations(self, **options: Any) -> Tensors:
        """As `Probe.activations`."""
        return self._features(self._probe.activations(**options))

    def layer_gram(self, **options: Any) -> Tensors:
        """As `Probe.layer_gram`."""
        return self._features(self._probe.layer_gram(**options))

    def _answered(self, tensors: Tensors, double: bool) -> Tensors:
        return tensors if double and self._spare_double else self._derivatives(tensors)
