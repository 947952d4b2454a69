"""A transform: the weights of a tensor get one magnitude and keep their signs."""

from collections.abc import Iterable

from pruneproof.api import Source, Tensors, Transform, Transformed, hookimpl

pruneproof_api = 2
"""The version of the plugin API that this module was written for."""


def template_transform(weights: Tensors, alive: Tensors) -> Transformed:
    """Return sign(w) · mean(|w| of what is alive in its tensor): do magnitudes matter, or only the mask and signs?

    >>> import torch
    >>> weights = {"fc": torch.tensor([3.0, -1.0, 0.0])}
    >>> template_transform(weights, {"fc": torch.tensor([True, True, False])}).state["fc"].tolist()
    [2.0, -2.0, 0.0]

    Args:
        weights: name -> tensor of any shape, dead weights zero. The name of a positional parameter is an ingredient:
            scores, weights, alive, state, fresh or rng. One that asks for scores returns new scores.
        alive: name -> mask, bool. Keyword-only parameters after it would be options.
    """
    mean = {name: w.abs().sum() / alive[name].sum().clamp_min(1) for name, w in weights.items()}
    return Transformed(state={name: w.sign() * mean[name] for name, w in weights.items()})


TEMPLATE_TRANSFORM = Transform(
    id="template-transform",
    transform=template_transform,
    source=Source(authors="A. Reader", year=2026, title="An example"),
    about="Gives the weights of a tensor one magnitude; keeps their signs and the mask.",
    keeps=frozenset({"counts", "total", "mask"}),
)


@hookimpl
def pruneproof_transforms() -> Iterable[Transform]:
    """Register the transform."""
    return [TEMPLATE_TRANSFORM]
