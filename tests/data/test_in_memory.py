import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.transforms import functional as tv

from pruneproof.data.augment import IMAGE_AUGMENTATIONS
from pruneproof.data.in_memory import InMemory, channel_statistics, content_fingerprint, images
from pruneproof.errors import BadConfig, UnknownName

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make_splits(train: int = 23, test: int = 7):
    return {
        split: (
            torch.randint(0, 256, (count, 3, 8, 8), dtype=torch.uint8, generator=rng(count)),
            torch.arange(count),  # labels that name the sample
        )
        for split, count in (("train", train), ("test", test))
    }


def make(train: int = 23, test: int = 7) -> InMemory:
    splits = make_splits(train, test)
    return images(splits, classes=10, fingerprint=content_fingerprint(splits), normalisation=(MEAN, STD))


def epoch(data, split="train", batch_size=5, **options):
    return [torch.cat(parts) for parts in zip(*data.batches(split, batch_size, **options), strict=True)]


def test_without_order_samples_come_as_stored_normalised_as_torchvision_does():
    data = make()
    inputs, labels = epoch(data, "test")
    expected = tv.normalize(make_splits()["test"][0].float() / 255, MEAN, STD)
    assert inputs.dtype == torch.float32
    torch.testing.assert_close(inputs, expected)
    assert labels.tolist() == list(range(7))


@given(st.integers(1, 40), st.integers(1, 45), st.integers(0, 2**32))
def test_an_epoch_is_the_split_once(count, batch_size, seed):
    data = make(train=count)
    sizes = [len(labels) for _, labels in data.batches("train", batch_size, order=rng(seed))]
    inputs, labels = epoch(data, batch_size=batch_size, order=rng(seed))
    stored, _ = epoch(data)
    assert sorted(labels.tolist()) == list(range(count))
    assert torch.equal(inputs, stored[labels])
    assert all(size == batch_size for size in sizes[:-1])


@given(st.permutations(sorted(IMAGE_AUGMENTATIONS)), st.integers(0, 2**32))
def test_same_generators_same_batches_whatever_the_batch_size(augment, seed):
    data = make()
    first = epoch(data, order=rng(seed), augment=augment, augment_rng=rng(seed + 1))
    second = epoch(data, batch_size=8, order=rng(seed), augment=augment, augment_rng=rng(seed + 1))
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_the_order_and_the_augmentation_follow_their_own_generators():
    data = make()

    def run(order: int, augment: int):
        return epoch(data, order=rng(order), augment=["flip"], augment_rng=rng(augment))

    (inputs, labels), (other_inputs, other_labels) = run(1, 1), run(1, 2)
    assert torch.equal(labels, other_labels)
    assert not torch.equal(inputs, other_inputs)
    assert not torch.equal(labels, run(2, 1)[1])


def test_a_generator_that_goes_on_gives_another_epoch():
    data, order = make(), rng()
    assert not torch.equal(epoch(data, order=order)[1], epoch(data, order=order)[1])


def test_augmentations_apply_in_the_given_order_to_the_stored_pixels():
    data, drawn_from = make(), rng(5)
    inputs, _ = epoch(data, augment=["pad-crop-4", "flip"], augment_rng=rng(5))
    pixels = make_splits()["train"][0]
    draws = [IMAGE_AUGMENTATIONS[name].draw(len(pixels), drawn_from) for name in ("pad-crop-4", "flip")]
    for name, drawn in zip(("pad-crop-4", "flip"), draws, strict=True):
        pixels = IMAGE_AUGMENTATIONS[name].apply(pixels, drawn)
    torch.testing.assert_close(inputs, tv.normalize(pixels.float() / 255, MEAN, STD))


def test_batches_do_not_touch_the_stored_data_or_the_global_generator():
    data, state = make(), torch.get_rng_state()
    before = epoch(data)[0]
    for inputs, labels in data.batches("train", 5, order=rng(), augment=["flip"], augment_rng=rng()):
        inputs.zero_()
        labels.zero_()
    for inputs, _ in data.batches("train", 5):
        inputs.zero_()
    assert torch.equal(epoch(data)[0], before)
    assert torch.equal(torch.get_rng_state(), state)


def test_bad_augmentations_are_refused_before_the_first_batch():
    with pytest.raises(UnknownName, match="cutout"):
        make().batches("train", 4, augment=["cutout"], augment_rng=rng())
    with pytest.raises(BadConfig, match="flip"):
        make().batches("train", 4, augment=["flip"])


def test_holdout_moves_training_samples_and_nothing_else():
    data = make()
    parted = data.holdout(0.2, rng(3))
    train, validation = epoch(parted, "train")[1].tolist(), epoch(parted, "validation")[1].tolist()
    assert (parted.size("train"), parted.size("validation"), parted.size("test")) == (18, 5, 7)
    assert sorted(train + validation) == list(range(23))
    assert torch.equal(epoch(parted, "validation")[0], epoch(data)[0][validation])
    assert torch.equal(epoch(parted, "test")[0], epoch(data, "test")[0])
    assert parted.fingerprint == data.fingerprint


@given(st.integers(1, 30), st.integers(0, 2**32))
def test_channel_statistics_equal_numpy(count, seed):
    pixels = torch.randint(0, 256, (count, 3, 4, 5), dtype=torch.uint8, generator=rng(seed))
    mean, std = channel_statistics(pixels)
    np.testing.assert_allclose(mean, pixels.numpy().mean((0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(std, pixels.numpy().std((0, 2, 3)), rtol=1e-6)


def test_the_training_split_normalises_itself_when_no_constants_are_given():
    splits = make_splits(train=200)
    inputs, _ = epoch(images(splits, classes=10, fingerprint="", normalisation=None))
    torch.testing.assert_close(inputs.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(inputs.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-5, rtol=0)


@given(st.integers(0, 22), st.integers(0, 2), st.integers(0, 7), st.integers(0, 7), st.integers(1, 255))
def test_one_pixel_changes_the_fingerprint(sample, channel, row, column, step):
    splits = make_splits()
    before = content_fingerprint(splits)
    assert content_fingerprint(make_splits()) == before
    splits["train"][0][sample, channel, row, column] += step  # wraps at 256
    assert content_fingerprint(splits) != before


def test_labels_and_splits_are_part_of_the_fingerprint():
    splits = make_splits()
    before = content_fingerprint(splits)
    exchanged = {"train": splits["test"], "test": splits["train"]}
    assert content_fingerprint(exchanged) != before
    splits["test"][1][0] += 1
    assert content_fingerprint(splits) != before


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_batches_are_channels_last_and_equal_the_cpu_ones():
    data = make()
    options = {"augment": ["reflect-crop-4", "flip", "pad-crop-4"]}
    here = epoch(data, order=rng(1), augment_rng=rng(2), **options)
    there = epoch(data.to(torch.device("cuda")), order=rng(1), augment_rng=rng(2), **options)
    assert there[0].is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(here[1], there[1].cpu())
    torch.testing.assert_close(here[0], there[0].cpu())
