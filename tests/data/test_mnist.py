import gzip
import hashlib
import struct

import numpy as np
import pytest
import torch
from torchvision import datasets

from pruneproof.data.mnist import fetch, fetch_mnist, load_fashion_mnist, load_mnist, read_idx
from pruneproof.errors import DataCorrupt, DataMissing

COUNTS = {"train": 12, "t10k": 5}


def idx(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def files():
    random = np.random.default_rng(0)
    made = {}
    for stem, count in COUNTS.items():
        made[f"{stem}-images-idx3-ubyte"] = idx(random.integers(0, 256, (count, 6, 7), dtype=np.uint8))
        made[f"{stem}-labels-idx1-ubyte"] = idx(random.integers(0, 10, count, dtype=np.uint8))
    return made


def write(root, *, packed=False, name="MNIST"):
    folder = root / name / "raw"
    folder.mkdir(parents=True)
    for file, content in files().items():
        if packed:
            (folder / f"{file}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / file).write_bytes(content)
    return folder


def test_reads_what_torchvision_reads(tmp_path):
    write(tmp_path)
    data = load_mnist(tmp_path)
    assert (data.shape, data.classes) == ((1, 6, 7), 10)
    for split in ("train", "test"):
        reference = datasets.MNIST(tmp_path, train=split == "train")
        assert torch.equal(data.splits[split][0][:, 0], reference.data)
        assert torch.equal(data.splits[split][1], reference.targets)


def test_packed_files_are_read_without_writing(tmp_path):
    write(tmp_path / "plain")
    folder = write(tmp_path / "packed", packed=True)
    before = sorted(folder.iterdir())
    assert load_mnist(tmp_path / "packed").fingerprint == load_mnist(tmp_path / "plain").fingerprint
    assert sorted(folder.iterdir()) == before


def test_one_pixel_changes_the_fingerprint(tmp_path):
    folder = write(tmp_path)
    before = load_mnist(tmp_path).fingerprint
    file = folder / "t10k-images-idx3-ubyte"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert load_mnist(tmp_path).fingerprint != before


def test_normalised_by_the_usual_constants(tmp_path):
    write(tmp_path)
    data = load_mnist(tmp_path)
    inputs = next(data.batches("test", 5))[0]
    torch.testing.assert_close(inputs, (data.splits["test"][0] / 255 - 0.1307) / 0.3081)


def test_fashion_mnist_has_its_own_folder_and_statistics(tmp_path):
    write(tmp_path, name="FashionMNIST")
    data = load_fashion_mnist(tmp_path)
    inputs = next(data.batches("train", 12))[0]
    torch.testing.assert_close(inputs.mean(), torch.tensor(0.0), atol=1e-5, rtol=0)
    with pytest.raises(DataMissing):
        load_mnist(tmp_path)


def test_a_missing_file_is_named_with_its_folder_and_the_command(tmp_path):
    folder = write(tmp_path)
    (folder / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataMissing, match="repro data fetch mnist") as caught:
        load_mnist(tmp_path)
    assert str(folder) in str(caught.value)
    assert "t10k-labels-idx1-ubyte.gz" in str(caught.value)


@pytest.mark.parametrize("change", [-1, -200, 1])
def test_a_length_other_than_the_header_promises_is_corrupt(tmp_path, change):
    file = write(tmp_path) / "train-images-idx3-ubyte"
    content = file.read_bytes()
    file.write_bytes(content[:change] if change < 0 else content + b"\0")
    with pytest.raises(DataCorrupt, match="its header promises 504 bytes") as caught:
        load_mnist(tmp_path)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", idx(np.zeros(3, np.uint8))])
def test_another_format_is_corrupt(tmp_path, content):
    file = tmp_path / "images"
    file.write_bytes(content)
    with pytest.raises(DataCorrupt, match="is not an IDX file of bytes in 3 dimensions"):
        read_idx(file, 3)


def test_a_truncated_gz_is_corrupt(tmp_path):
    file = write(tmp_path, packed=True) / "train-labels-idx1-ubyte.gz"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(DataCorrupt, match="cannot be read to its end"):
        load_mnist(tmp_path)


def test_labels_must_fit_the_images(tmp_path):
    folder = write(tmp_path)
    (folder / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(11, np.uint8)))
    with pytest.raises(DataCorrupt, match=r"12 images but .* 11 labels"):
        load_mnist(tmp_path)
    (folder / "train-labels-idx1-ubyte").write_bytes(idx(np.full(12, 10, np.uint8)))
    with pytest.raises(DataCorrupt, match="the label 10"):
        load_mnist(tmp_path)


def official(source, url):
    """A class as torchvision's, of the tiny files in `source`, to be had from `url`."""

    class Tiny(datasets.MNIST):
        mirrors = (url,)
        resources = tuple(
            (path.name, hashlib.md5(path.read_bytes()).hexdigest()) for path in sorted(source.glob("*.gz"))
        )

    Tiny.__name__ = "MNIST"  # torchvision names the folder after the class
    return Tiny


def test_fetch_downloads_checks_and_leaves_a_loadable_folder(tmp_path, serve):
    source = write(tmp_path / "server", packed=True)
    fetch("mnist", tmp_path / "root", official(source, serve(source)))
    assert load_mnist(tmp_path / "root").fingerprint == load_mnist(tmp_path / "server").fingerprint
    fetch_mnist(tmp_path / "root")  # all there: nothing to download


def test_fetch_refuses_an_altered_download(tmp_path, serve):
    source = write(tmp_path / "server", packed=True)
    listed = official(source, serve(source))
    (source / "train-images-idx3-ubyte.gz").write_bytes(b"altered")
    with pytest.raises(DataMissing, match="cannot download mnist"):
        fetch("mnist", tmp_path / "root", listed)
    with pytest.raises(DataMissing):
        load_mnist(tmp_path / "root")


def test_fetch_without_a_network_says_what_to_do(tmp_path):
    listed = official(write(tmp_path / "server", packed=True), "http://127.0.0.1:9/")
    with pytest.raises(DataMissing, match=r"cannot download mnist from http://127.0.0.1:9/: .*--data-dir") as caught:
        fetch("mnist", tmp_path / "root", listed)
    assert str(tmp_path / "root" / "MNIST" / "raw") in str(caught.value)
