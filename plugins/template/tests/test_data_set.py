"""The data set says what it holds, and gives each sample once."""

from pathlib import Path

import torch
from pruneproof_template.data_set import template_data_set


def test_a_shuffled_epoch_holds_every_sample_once():
    data = template_data_set(Path())
    batches = list(data.batches("train", 64, order=torch.Generator().manual_seed(0)))
    images, labels = (torch.cat(parts) for parts in zip(*batches, strict=True))
    stored, stored_labels = data.splits["train"]
    assert images.shape == (data.size("train"), *data.shape)
    assert not torch.equal(images, stored)
    assert sorted(images.sum((1, 2, 3)).tolist()) == sorted(stored.sum((1, 2, 3)).tolist())
    assert torch.bincount(labels).tolist() == torch.bincount(stored_labels).tolist() == [400, 400]


def test_what_is_held_out_is_no_longer_trained_on():
    data = template_data_set(Path()).holdout(0.1, torch.Generator().manual_seed(0))
    assert (data.size("train"), data.size("validation"), data.size("test")) == (720, 80, 200)
    train, held = (
        {tuple(image.flatten().tolist()) for image in data.splits[name][0]} for name in ("train", "validation")
    )
    assert not train & held
