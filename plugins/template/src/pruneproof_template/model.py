"""A model: one convolution, pooled, and a classifier."""

from collections.abc import Iterable, Sequence

from torch import nn

from pruneproof.api import Model, Source, hookimpl

pruneproof_api = 2
"""The version of the plugin API that this module was written for."""


def template_model(shape: Sequence[int], classes: int, *, width: int = 16) -> nn.Module:
    """Build the network for images of `shape` (channels, height, width); `width` is an option and a config key.

    Weights come from torch's global generator, which the caller has seeded. What can be pruned is the `prunable` of the
    `Model` below; by default all weights of convolutions and linear layers.

    >>> [tuple(each.shape) for each in template_model((1, 8, 8), 10, width=4).parameters() if each.dim() > 1]
    [(4, 1, 3, 3), (10, 64)]
    """
    return nn.Sequential(
        nn.Conv2d(shape[0], width, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveMaxPool2d(4),
        nn.Flatten(),
        nn.Linear(16 * width, classes),
    )


TEMPLATE_MODEL = Model(
    id="template-model",
    build=template_model,
    source=Source(authors="A. Reader", year=2026, title="An example"),
    example_options={"width": 4},
)


@hookimpl
def pruneproof_models() -> Iterable[Model]:
    """Register the model."""
    return [TEMPLATE_MODEL]
