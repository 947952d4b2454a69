"""`InMemory`: a data set held as tensors on one device, cut into batches there."""

from collections.abc import Iterator, Mapping, Sequence

import torch

from pruneproof.api import Batch, Split, digest_arrays
from pruneproof.data.augment import IMAGE_AUGMENTATIONS, Augmentation, check_augment
from pruneproof.data.holdout import hold_out

SMALL = 2_000_000
"""Numbers in a split, up to which it is kept normalised (8 MB) beside what is stored."""
Samples = tuple[torch.Tensor, torch.Tensor]
"""Inputs and int64 labels of one split, in stored order."""


class InMemory:
    """Images kept as uint8 (samples, channels, height, width), or float32 sequences (samples, steps, features).

    Batches are (inputs - mean) / std in float32; `mean` and `std` have a shape that broadcasts over one input and the
    unit of the stored values. Everything that chance decides about an epoch is drawn at its start on the CPU and copied
    to the device once, so that the batches depend on the generators alone.
    """

    def __init__(
        self,
        splits: Mapping[Split, Samples],
        *,
        classes: int,
        fingerprint: str,
        mean: torch.Tensor,
        std: torch.Tensor,
        augmentations: Mapping[str, Augmentation],
    ) -> None:
        self.splits = splits
        self.classes = classes
        self.fingerprint = fingerprint
        self.mean = mean
        self.std = std
        self.augmentations = augmentations
        self.shape: tuple[int, ...] = tuple(splits["train"][0].shape[1:])
        self._small: dict[Split, torch.Tensor] = {}

    def size(self, split: Split) -> int:
        """Return the number of samples of a split."""
        return len(self.splits[split][1])

    def batches(
        self,
        split: Split,
        batch_size: int,
        *,
        order: torch.Generator | None = None,
        augment: Sequence[str] = (),
        augment_rng: torch.Generator | None = None,
    ) -> Iterator[Batch]:
        """Yield normalised batches; see `pruneproof.api.LoadedData`.

        On CUDA, batches of images are in channels-last memory format.

        Raises:
            UnknownName: `augment` names something that this data set does not offer.
            BadConfig: `augment` is not empty and `augment_rng` is missing.
        """
        check_augment(augment, self.augmentations, augment_rng)
        return self._epoch(split, batch_size, order, [self.augmentations[name] for name in augment], augment_rng)

    def _epoch(
        self,
        split: Split,
        batch_size: int,
        order: torch.Generator | None,
        augment: Sequence[Augmentation],
        augment_rng: torch.Generator | None,
    ) -> Iterator[Batch]:
        inputs, labels = self.splits[split]
        count, device = len(labels), inputs.device
        index = None if order is None else torch.randperm(count, generator=order).to(device)
        draws = [each.draw(count, augment_rng).to(device) for each in augment if augment_rng is not None]
        ready = None if augment else self._normalised_whole(split)
        for start in range(0, count, batch_size):
            part = slice(start, start + batch_size)
            if ready is not None and index is not None:
                yield ready.index_select(0, index[part]), labels.index_select(0, index[part])
                continue
            if index is None:
                batch, target = inputs[part], labels[part]
            else:
                batch, target = inputs.index_select(0, index[part]), labels.index_select(0, index[part])
            for each, drawn in zip(augment, draws, strict=True):
                batch = each.apply(batch, drawn[part])
            yield self._normalised(batch), target

    def _normalised_whole(self, split: Split) -> torch.Tensor | None:
        """Return a small split normalised once for all epochs, with the bits of its batches; None of others."""
        inputs = self.splits[split][0]
        if inputs.is_cuda or inputs.numel() > SMALL:
            return None
        if split not in self._small:
            self._small[split] = self._normalised(inputs)
        return self._small[split]

    def _normalised(self, batch: torch.Tensor) -> torch.Tensor:
        images_on_gpu = batch.is_cuda and batch.dim() == 4
        layout = torch.channels_last if images_on_gpu else torch.contiguous_format
        return batch.to(torch.float32, copy=True, memory_format=layout).sub_(self.mean).div_(self.std)

    def holdout(self, fraction: float, rng: torch.Generator) -> "InMemory":
        """Return the same data with a part of the training split as `validation`; the normalisation does not change."""
        inputs, labels = self.splits["train"]
        stay, held = (index.to(labels.device) for index in hold_out(len(labels), fraction, rng))
        parts: dict[Split, Samples] = {
            "train": (inputs[stay], labels[stay]),
            "validation": (inputs[held], labels[held]),
        }
        return self._with({**self.splits, **parts}, labels.device)

    def to(self, device: torch.device) -> "InMemory":
        """Return the same data with batches on `device`."""
        return self._with(self.splits, device)

    def _with(self, splits: Mapping[Split, Samples], device: torch.device) -> "InMemory":
        return InMemory(
            {split: (inputs.to(device), labels.to(device)) for split, (inputs, labels) in splits.items()},
            classes=self.classes,
            fingerprint=self.fingerprint,
            mean=self.mean.to(device),
            std=self.std.to(device),
            augmentations=self.augmentations,
        )


def images(
    splits: Mapping[Split, Samples],
    *,
    classes: int,
    fingerprint: str,
    normalisation: tuple[Sequence[float], Sequence[float]] | None = None,
) -> InMemory:
    """Return uint8 images as `InMemory`, with the augmentations of `IMAGE_AUGMENTATIONS`.

    `normalisation` is the mean and standard deviation of each channel, as fractions of 255; None takes those of the
    training split.
    """
    if normalisation is None:
        mean, std = channel_statistics(splits["train"][0])
    else:
        mean, std = (torch.tensor(values) * 255 for values in normalisation)
    return InMemory(
        splits,
        classes=classes,
        fingerprint=fingerprint,
        mean=mean[:, None, None],
        std=std[:, None, None],
        augmentations=IMAGE_AUGMENTATIONS,
    )


def channel_statistics(pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and (population) standard deviation of each channel of uint8 (samples, channels, height, width).

    They come from a histogram, hence are exact and the same whatever the thread count. A constant channel gets 1.

    >>> channel_statistics(torch.tensor([[[[0, 4]], [[7, 7]]]], dtype=torch.uint8))
    (tensor([2., 7.]), tensor([2., 1.]))
    """
    value = torch.arange(256, dtype=torch.float64)
    share = torch.stack([torch.bincount(channel.flatten(), minlength=256) for channel in pixels.unbind(1)]).double()
    share /= share.sum(1, keepdim=True)
    mean = (share * value).sum(1)
    std = (share * (value - mean[:, None]) ** 2).sum(1).sqrt()
    std[std == 0] = 1
    return mean.float(), std.float()


def content_fingerprint(splits: Mapping[Split, Samples]) -> str:
    """Return the digest of the stored inputs and labels under their split's name."""
    return digest_arrays(
        {
            f"{split}/{part}": tensor.numpy()
            for split, samples in splits.items()
            for part, tensor in zip(("inputs", "labels"), samples, strict=True)
        }
    )
