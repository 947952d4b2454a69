import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import ImageFolder
from torchvision.models import ResNet50_Weights

from pruneproof.data.imagenet import ImageNet, load_imagenet
from pruneproof.errors import BadConfig, DataCorrupt, DataMissing, UnknownName


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def root(tmp_path):
    for split, count in (("train", 3), ("val", 2)):
        for label, name in enumerate(["n01440764", "n01443537"]):
            folder = tmp_path / "imagenet" / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = np.random.default_rng([label, number]).integers(0, 256, (30 + number, 40, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.JPEG")
    return tmp_path


def opened(root, workers=0) -> ImageNet:
    data = load_imagenet(root)
    data.workers = workers
    return data


def epoch(data, split="train", batch_size=4, **options):
    return [torch.cat(parts) for parts in zip(*data.batches(split, batch_size, **options), strict=True)]


def test_evaluation_inputs_equal_torchvisions_preset(root):
    data = opened(root)
    inputs, labels = epoch(data, "test")
    reference = ImageFolder(root / "imagenet" / "val", transform=ResNet50_Weights.IMAGENET1K_V1.transforms())
    assert (data.shape, data.classes, data.size("train"), data.size("test")) == ((3, 224, 224), 2, 6, 4)
    torch.testing.assert_close(inputs, torch.stack([image for image, _ in reference]), atol=1e-5, rtol=1e-5)
    assert labels.tolist() == reference.targets


def test_augmented_batches_follow_the_generators_whatever_the_workers_and_batch_size(root):
    options = {"augment": ["resized-crop-224", "flip"]}
    first = epoch(opened(root), order=rng(1), augment_rng=rng(2), **options)
    second = epoch(opened(root, workers=2), batch_size=5, order=rng(1), augment_rng=rng(2), **options)
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
    assert not torch.equal(first[0], epoch(opened(root), order=rng(1), augment_rng=rng(3), **options)[0])


def test_an_epoch_is_the_split_once_and_leaves_the_global_generator_alone(root):
    state = torch.get_rng_state()
    _, labels = epoch(opened(root), order=rng(1), augment=["flip"], augment_rng=rng(2))
    assert sorted(labels.tolist()) == [0, 0, 0, 1, 1, 1]
    assert torch.equal(torch.get_rng_state(), state)


def test_flip_without_crop_mirrors_the_evaluation_input(root):
    plain, flipped = epoch(opened(root))[0], epoch(opened(root), augment=["flip"], augment_rng=rng(2))[0]
    same = [torch.equal(one, other) for one, other in zip(plain, flipped, strict=True)]
    mirrored = [torch.equal(one.flip(2), other) for one, other in zip(plain, flipped, strict=True)]
    assert all(one != other for one, other in zip(same, mirrored, strict=True))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_image_is_named_without_a_traceback(root, workers):
    file = root / "imagenet" / "train" / "n01443537" / "2.JPEG"
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(DataCorrupt, match="cannot be decoded") as caught:
        epoch(opened(root, workers))
    assert str(caught.value).startswith(str(file))
    assert "Traceback" not in str(caught.value)


def test_holdout_moves_training_samples(root):
    parted = opened(root).holdout(0.5, rng(1))
    assert (parted.size("train"), parted.size("validation"), parted.size("test")) == (3, 3, 4)
    assert sorted(parted.samples["train"] + parted.samples["validation"]) == load_imagenet(root).samples["train"]
    assert epoch(parted, "validation")[0].shape == (3, 3, 224, 224)


def test_the_fingerprint_covers_names_and_sizes_but_not_the_place(root, tmp_path_factory):
    before = load_imagenet(root).fingerprint
    copy = tmp_path_factory.mktemp("copy")
    shutil.copytree(root / "imagenet", copy / "imagenet")
    assert load_imagenet(copy).fingerprint == before
    file = copy / "imagenet" / "val" / "n01440764" / "1.JPEG"
    file.write_bytes(file.read_bytes() + b"\0")
    assert load_imagenet(copy).fingerprint != before


def test_missing_images_say_how_to_get_them(root):
    shutil.rmtree(root / "imagenet" / "val")
    with pytest.raises(DataMissing, match=r"val/<wnid>/\*.JPEG was expected there.*register at https://image-net.org"):
        load_imagenet(root)


def test_both_splits_need_the_same_classes(root):
    shutil.rmtree(root / "imagenet" / "val" / "n01443537")
    with pytest.raises(DataCorrupt, match="first n01443537"):
        load_imagenet(root)


def test_bad_augmentations_are_refused_before_the_first_batch(root):
    data = opened(root)
    with pytest.raises(UnknownName, match="pad-crop-4"):
        data.batches("train", 2, augment=["pad-crop-4"], augment_rng=rng())
    with pytest.raises(BadConfig, match="flip"):
        data.batches("train", 2, augment=["flip"])
