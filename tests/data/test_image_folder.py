import io
import os
import tarfile
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.datasets import ImageFolder

from pruneproof.data.image_folder import load_cifar10_jpeg
from pruneproof.errors import DataCorrupt, DataMissing


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("PRUNEPROOF_CACHE", str(folder))
    return folder


def jpeg(path, seed, size=(8, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, quality=75)


def write(root):
    folder = root / "cifar10-jpeg"
    for at, (split, count) in enumerate([("train", 3), ("test", 2)]):
        for label, name in enumerate(["ship", "cat", "dog"]):
            for number in range(count):
                jpeg(folder / split / name / f"{number:04}.jpg", 100 * at + 10 * label + number)
    return folder


def pack(folder):
    archive = folder.with_name("cifar10-jpeg.tar.gz")
    with tarfile.open(archive, "w:gz") as file:
        for split in ("train", "test"):
            file.add(folder / split, split)
    return archive


def test_reads_what_torchvision_reads(tmp_path):
    folder = write(tmp_path)
    data = load_cifar10_jpeg(tmp_path)
    assert (data.shape, data.classes, data.size("train"), data.size("test")) == ((3, 8, 8), 3, 9, 6)
    for split in ("train", "test"):
        reference = ImageFolder(folder / split)
        pixels, labels = data.splits[split]
        assert labels.tolist() == reference.targets
        np.testing.assert_array_equal(
            pixels.permute(0, 2, 3, 1), np.stack([np.asarray(image) for image, _ in reference])
        )


def test_folder_and_archive_are_the_same_data_wherever_they_lie(tmp_path):
    folder = write(tmp_path / "one")
    other = tmp_path / "two"
    other.mkdir()
    pack(folder).rename(other / "cifar10-jpeg.tar.gz")
    here, there = load_cifar10_jpeg(tmp_path / "one"), load_cifar10_jpeg(other)
    assert here.fingerprint == there.fingerprint
    assert torch.equal(here.splits["train"][0], there.splits["train"][0])


def test_one_changed_image_changes_the_fingerprint(tmp_path):
    folder = write(tmp_path)
    before = load_cifar10_jpeg(tmp_path)
    jpeg(folder / "test" / "dog" / "0001.jpg", 999)
    after = load_cifar10_jpeg(tmp_path)
    assert after.fingerprint != before.fingerprint
    assert not torch.equal(after.splits["test"][0], before.splits["test"][0])


def test_the_second_load_decodes_nothing_and_a_broken_cache_is_rebuilt(tmp_path, cache):
    write(tmp_path)
    splits = load_cifar10_jpeg(tmp_path).splits
    first = splits["train"][0]
    (kept,) = cache.iterdir()
    np.savez(kept, train=255 - first.numpy(), test=splits["test"][0].numpy())  # tells a read cache from a decoded tree
    assert torch.equal(load_cifar10_jpeg(tmp_path).splits["train"][0], 255 - first)
    kept.write_bytes(kept.read_bytes()[:100])
    assert torch.equal(load_cifar10_jpeg(tmp_path).splits["train"][0], first)
    assert torch.equal(load_cifar10_jpeg(tmp_path).splits["train"][0], first)
    assert list(cache.iterdir()) == [kept]


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, cache):
    write(tmp_path)
    cache.write_text("a file where the folder should be")
    assert load_cifar10_jpeg(tmp_path).size("train") == 9


def test_missing_data_say_what_was_expected(tmp_path):
    with pytest.raises(DataMissing, match=r"cifar10-jpeg.tar.gz was expected there.*repro data fetch cifar10"):
        load_cifar10_jpeg(tmp_path)
    (tmp_path / "cifar10-jpeg").mkdir()
    with pytest.raises(DataMissing):
        load_cifar10_jpeg(tmp_path)


def test_damaged_images_are_named(tmp_path):
    folder = write(tmp_path)
    file = folder / "train" / "cat" / "0001.jpg"
    file.write_bytes(b"no image")
    with pytest.raises(DataCorrupt, match=r"train/cat/0001.jpg cannot be decoded"):
        load_cifar10_jpeg(tmp_path)
    jpeg(file, 1, size=(9, 8))
    with pytest.raises(DataCorrupt, match=r"train/cat/0001.jpg has shape \(3, 9, 8\)"):
        load_cifar10_jpeg(tmp_path)


def test_a_class_must_be_in_both_splits(tmp_path):
    folder = write(tmp_path)
    jpeg(folder / "train" / "frog" / "0000.jpg", 1)
    with pytest.raises(DataCorrupt, match="no test image of class frog"):
        load_cifar10_jpeg(tmp_path)


def test_a_truncated_archive_is_named(tmp_path):
    folder = write(tmp_path / "one")
    archive = pack(folder)
    (tmp_path / "cifar10-jpeg.tar.gz").write_bytes(archive.read_bytes()[:-20])
    with pytest.raises(DataCorrupt, match=r"cifar10-jpeg.tar.gz cannot be read to its end"):
        load_cifar10_jpeg(tmp_path)


FORGED = {
    "another number": lambda pixels: pixels[:-1],
    "another rank": lambda pixels: pixels[:, 0],
    "another dtype": lambda pixels: pixels.astype(np.float32),
    "other channels": lambda pixels: pixels[:, :1],
    "another size": lambda pixels: pixels[:, :, 1:],
    "objects": lambda pixels: pixels.astype(object),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_cache_of_other_arrays_is_rebuilt(tmp_path, cache, forge, save):
    write(tmp_path)
    splits = load_cifar10_jpeg(tmp_path).splits
    (kept,) = cache.iterdir()
    save(kept, train=forge(splits["train"][0].numpy()), test=splits["test"][0].numpy())
    assert torch.equal(load_cifar10_jpeg(tmp_path).splits["train"][0], splits["train"][0])


@pytest.fixture(scope="module")
def cached(tmp_path_factory):
    """Return what loads a tree whose cache has some bytes, and the bytes that it has."""
    root = tmp_path_factory.mktemp("cached")
    write(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRUNEPROOF_CACHE", str(root / "cache"))
        first = load_cifar10_jpeg(root).splits["train"][0]
        [kept] = (root / "cache").iterdir()

        def load(content):
            kept.write_bytes(content)
            return load_cifar10_jpeg(root).splits["train"][0]

        yield load, kept.read_bytes(), first


@st.composite
def damaged(draw, whole):
    """Bytes with a part replaced by others."""
    start = draw(st.integers(0, len(whole)))
    return whole[:start] + draw(st.binary(max_size=30)) + whole[start + draw(st.integers(0, 30)) :]


@settings(max_examples=60)
@given(data=st.data())
def test_a_cache_of_which_any_bytes_changed_is_rebuilt(cached, data):
    load, whole, first = cached
    assert torch.equal(load(data.draw(damaged(whole))), first)


@settings(max_examples=60)
@given(data=st.data())
def test_a_cache_whose_arrays_have_any_head_is_read_or_rebuilt(cached, data):
    load, whole, first = cached
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        arrays = {name: archive.read(name) for name in archive.namelist()}
    head, rest = arrays["train.npy"][:128], arrays["train.npy"][128:]
    texts = st.sampled_from(["{'descr': (", "{" * 3000]).map(forged)
    changed = data.draw(damaged(head) | st.binary(max_size=40) | texts)
    forge = io.BytesIO()
    with zipfile.ZipFile(forge, "w") as archive:
        for name, content in (arrays | {"train.npy": changed + rest}).items():
            archive.writestr(name, content)
    assert load(forge.getvalue()).shape == first.shape


def forged(text):
    """Return the head of an array as numpy writes it, with any text in it."""
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def test_a_pipe_in_place_of_a_cache_is_not_waited_for(tmp_path, cache):
    write(tmp_path)
    first = load_cifar10_jpeg(tmp_path).splits["train"][0]
    (kept,) = cache.iterdir()
    kept.unlink()
    os.mkfifo(kept)
    assert torch.equal(load_cifar10_jpeg(tmp_path).splits["train"][0], first)


def test_a_picture_of_another_format_is_not_handed_to_its_decoder(tmp_path):
    folder = write(tmp_path)
    (folder / "train" / "cat" / "0001.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n")
    with pytest.raises(DataCorrupt, match=r"0001.jpg cannot be decoded"):
        load_cifar10_jpeg(tmp_path)
