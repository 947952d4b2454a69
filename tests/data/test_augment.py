import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.transforms import functional as tv

from pruneproof.data.augment import (
    IMAGE_AUGMENTATIONS,
    check_augment,
    draw_crop,
    draw_flip,
    flip,
    pad_crop,
    reflect_crop,
)
from pruneproof.errors import BadConfig, UnknownName


def pixels(batch: int, channels: int, height: int, width: int, seed: int = 0) -> torch.Tensor:
    shape = (batch, channels, height, width)
    return torch.randint(1, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


shapes = st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(5, 12), st.integers(5, 12))
seeds = st.integers(0, 2**32)


@given(shapes, seeds)
def test_flip_mirrors_the_drawn_images_and_leaves_the_others(shape, seed):
    images = pixels(*shape)
    drawn = draw_flip(len(images), torch.Generator().manual_seed(seed))
    expected = torch.stack(
        [tv.hflip(image) if mirrored else image for image, mirrored in zip(images, drawn, strict=True)]
    )
    assert torch.equal(flip(images, drawn), expected)


@given(shapes, seeds, st.sampled_from([("constant", pad_crop), ("reflect", reflect_crop)]))
def test_crops_equal_torchvision_pad_then_crop(shape, seed, kind):
    mode, cropped = kind
    images = pixels(*shape)
    drawn = draw_crop(len(images), torch.Generator().manual_seed(seed))
    # Through float, because torch's reflection padding does not take uint8.
    padded = tv.pad(images.float(), [4, 4, 4, 4], padding_mode=mode).to(torch.uint8)
    size = images.shape[2:]
    expected = torch.stack([tv.crop(each, *corner.tolist(), *size) for each, corner in zip(padded, drawn, strict=True)])
    assert torch.equal(cropped(images, drawn), expected)


@given(shapes, seeds, st.sampled_from(sorted(IMAGE_AUGMENTATIONS)))
def test_augmentations_only_rearrange_pixels(shape, seed, name):
    images = pixels(*shape)
    each = IMAGE_AUGMENTATIONS[name]
    result = each.apply(images, each.draw(len(images), torch.Generator().manual_seed(seed)))
    assert result.shape == images.shape
    assert result.dtype == torch.uint8
    for before, after in zip(images.flatten(0, 1), result.flatten(0, 1), strict=True):
        padding = {0} if name == "pad-crop-4" else set()
        assert set(after.flatten().tolist()) <= set(before.flatten().tolist()) | padding
        if name == "flip":
            assert torch.equal(after.flatten().sort().values, before.flatten().sort().values)


def test_a_crop_at_the_middle_changes_nothing():
    images = pixels(3, 2, 7, 9)
    middle = torch.full((3, 2), 4)
    assert torch.equal(pad_crop(images, middle), images)
    assert torch.equal(reflect_crop(images, middle), images)


def test_every_corner_and_both_directions_are_drawn():
    rng = torch.Generator().manual_seed(0)
    assert {tuple(corner) for corner in draw_crop(5000, rng).tolist()} == {
        (row, col) for row in range(9) for col in range(9)
    }
    assert 0.45 < draw_flip(5000, rng).float().mean() < 0.55


def test_an_unknown_augmentation_is_named_with_the_nearest():
    with pytest.raises(UnknownName, match=r'"flipp" is not known. Nearest: "flip"'):
        check_augment(["flipp"], IMAGE_AUGMENTATIONS, torch.Generator())


def test_augmentation_without_a_generator_is_refused():
    with pytest.raises(BadConfig, match="augmentation flip draws at random"):
        check_augment(["flip"], IMAGE_AUGMENTATIONS, None)
