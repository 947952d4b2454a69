import hashlib
import pickle
import tarfile

import numpy as np
import pytest
import torch
from torchvision import datasets

from pruneproof.data.cifar import fetch, load_cifar10, load_cifar100, read_batches
from pruneproof.errors import DataCorrupt, DataMissing


def batch(key, seed, count=4):
    random = np.random.default_rng(seed)
    return {"data": random.integers(0, 256, (count, 3072), dtype=np.uint8), key: random.integers(0, 3, count).tolist()}


def write(root, base=datasets.CIFAR10, key="labels", seed=0):
    """Write tiny batches in the official layout; return a class as torchvision's that lists their sums."""
    folder = root / base.base_folder
    folder.mkdir(parents=True)

    def put(name, value):
        (folder / name).write_bytes(pickle.dumps(value))
        return hashlib.md5((folder / name).read_bytes()).hexdigest()

    class Tiny(base):
        train_list = tuple((name, put(name, batch(key, seed + at))) for at, (name, _) in enumerate(base.train_list))
        test_list = tuple((name, put(name, batch(key, seed + 99))) for name, _ in base.test_list)

    names = {base.meta["key"]: ["cat", "dog", "frog"]}
    Tiny.meta = {**base.meta, "md5": put(base.meta["filename"], names)}
    return Tiny


def test_images_are_planes_in_stored_order(tmp_path):
    splits, classes = read_batches("cifar10", tmp_path, write(tmp_path))
    assert classes == 3
    expected = [batch("labels", seed) for seed in range(5)]
    pixels = np.concatenate([each["data"] for each in expected]).reshape(-1, 3, 32, 32)
    np.testing.assert_array_equal(splits["train"][0].numpy(), pixels)
    assert splits["train"][1].tolist() == [label for each in expected for label in each["labels"]]
    assert len(splits["test"][1]) == 4


def test_cifar100_has_fine_labels(tmp_path):
    splits, _ = read_batches("cifar100", tmp_path, write(tmp_path, datasets.CIFAR100, "fine_labels"))
    assert splits["test"][1].tolist() == batch("fine_labels", 99)["fine_labels"]


def test_an_altered_file_is_named_and_never_unpickled(tmp_path):
    listed = write(tmp_path)
    file = tmp_path / "cifar-10-batches-py" / "data_batch_3"

    class Trap:
        def __reduce__(self):
            return (tmp_path.joinpath("sprung").touch, ())

    file.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(DataCorrupt, match="repro data fetch cifar10") as caught:
        read_batches("cifar10", tmp_path, listed)
    assert str(file) in str(caught.value)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(("load", "base"), [(load_cifar10, datasets.CIFAR10), (load_cifar100, datasets.CIFAR100)])
def test_other_files_in_the_official_places_are_refused(tmp_path, load, base):
    with pytest.raises(DataMissing, match=base.filename):
        load(tmp_path)
    write(tmp_path, base, "labels")
    with pytest.raises(DataCorrupt, match=base.train_list[0][1]):
        load(tmp_path)


def archived(tmp_path, url=""):
    listed = write(tmp_path / "server")
    archive = tmp_path / "server" / listed.filename
    with tarfile.open(archive, "w:gz") as file:
        file.add(tmp_path / "server" / listed.base_folder, listed.base_folder)
    listed.url, listed.tgz_md5 = url + archive.name, hashlib.md5(archive.read_bytes()).hexdigest()
    return listed, archive


def test_fetch_downloads_and_unpacks(tmp_path, serve):
    listed, _ = archived(tmp_path, serve(tmp_path / "server"))
    root = tmp_path / "root"
    fetch("cifar10", root, listed)
    here, there = (read_batches("cifar10", place, listed)[0] for place in (root, tmp_path / "server"))
    assert torch.equal(here["train"][0], there["train"][0])


def test_fetch_unpacks_an_archive_that_lies_there_without_a_network(tmp_path):
    listed, archive = archived(tmp_path, "http://127.0.0.1:9/")
    root = tmp_path / "root"
    root.mkdir()
    archive.rename(root / archive.name)
    fetch("cifar10", root, listed)
    assert len(read_batches("cifar10", root, listed)[0]["train"][1]) == 20


def test_fetch_without_a_network_says_what_to_do(tmp_path):
    listed, _ = archived(tmp_path, "http://127.0.0.1:9/")
    with pytest.raises(DataMissing, match=r"cannot download cifar10 from http://127.0.0.1:9/.*: .*--data-dir"):
        fetch("cifar10", tmp_path / "root", listed)
