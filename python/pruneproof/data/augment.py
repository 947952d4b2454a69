"""Batched image augmentations: random draws for a whole epoch first, then pure rearrangement of pixels."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from pruneproof.api import BadConfig, UnknownName

PAD = 4
"""Pixels added on each side before a random crop back to the original size."""


@dataclass(frozen=True)
class Augmentation:
    """What chance decides about a sample, and what the decision does to a batch.

    `draw(count, rng)` returns one row of decisions per sample, int64, shape (count, ...), from a CPU generator.
    `apply(images, drawn)` maps uint8 images (batch, channels, height, width) and their rows to images of that shape.
    """

    draw: Callable[[int, torch.Generator], torch.Tensor]
    apply: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def draw_flip(count: int, rng: torch.Generator) -> torch.Tensor:
    """Draw 1 (mirror) or 0 for each of `count` samples, shape (count,)."""
    return torch.randint(0, 2, (count,), generator=rng)


def flip(images: torch.Tensor, mirrored: torch.Tensor) -> torch.Tensor:
    """Mirror left and right the images whose entry of `mirrored` is 1.

    >>> flip(torch.tensor([[[[1, 2]]], [[[3, 4]]]]), torch.tensor([1, 0])).flatten().tolist()
    [2, 1, 3, 4]
    """
    return torch.where(mirrored.bool()[:, None, None, None], images.flip(3), images)


def draw_crop(count: int, rng: torch.Generator) -> torch.Tensor:
    """Draw the top and left corner of a crop, each in 0..8, for each of `count` samples, shape (count, 2)."""
    return torch.randint(0, 2 * PAD + 1, (count, 2), generator=rng)


def pad_crop(images: torch.Tensor, corner: torch.Tensor) -> torch.Tensor:
    """Pad with 4 zero (black) pixels on each side, then crop to the original size at `corner`."""
    height, width = images.shape[2:]
    return pick(F.pad(images, (PAD, PAD, PAD, PAD)), span(corner[:, 0], height), span(corner[:, 1], width))


def reflect_crop(images: torch.Tensor, corner: torch.Tensor) -> torch.Tensor:
    """Pad with 4 pixels mirrored at the border (the border itself not repeated), then crop to the original size.

    Sides must be longer than 4 pixels.
    """
    height, width = images.shape[2:]
    rows, columns = span(corner[:, 0], height) - PAD, span(corner[:, 1], width) - PAD
    return pick(images, mirrored(rows, height), mirrored(columns, width))


def span(start: torch.Tensor, length: int) -> torch.Tensor:
    """Return `length` consecutive positions from each entry of `start`, shape (batch, length)."""
    return start[:, None] + torch.arange(length, device=start.device)


def mirrored(position: torch.Tensor, length: int) -> torch.Tensor:
    """Return the position in 0..length-1 whose pixel a position outside shows.

    >>> mirrored(torch.arange(-2, 7), 5).tolist()
    [2, 1, 0, 1, 2, 3, 4, 3, 2]
    """
    return torch.minimum(position.abs(), 2 * (length - 1) - position.abs())


def pick(images: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Return, of each image, the pixels at its own `rows` (batch, height) and `columns` (batch, width)."""
    batch, channels, _, width = images.shape
    at = (rows[:, :, None] * width + columns[:, None, :]).flatten(1)  # one flat gather: fastest of the ways tried
    picked = images.flatten(2).gather(2, at[:, None].expand(batch, channels, -1))
    return picked.view(batch, channels, rows.shape[1], columns.shape[1])


IMAGE_AUGMENTATIONS: Mapping[str, Augmentation] = {
    "flip": Augmentation(draw_flip, flip),
    "pad-crop-4": Augmentation(draw_crop, pad_crop),
    "reflect-crop-4": Augmentation(draw_crop, reflect_crop),
}


def check_augment(augment: Sequence[str], known: Collection[str], rng: torch.Generator | None) -> None:
    """Refuse augmentations that a data set does not offer, or that have nothing to draw from.

    Raises:
        UnknownName: a name of `augment` is not among the `known`.
        BadConfig: `augment` is not empty and `rng` is None.
    """
    for name in augment:
        if name not in known:
            raise UnknownName.among("augmentation", name, known)
    if augment and rng is None:
        raise BadConfig(f"augmentation {', '.join(augment)} draws at random, but no generator was given. Pass one.")
