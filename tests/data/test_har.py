import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from pruneproof.data import har
from pruneproof.errors import DataCorrupt, DataMissing

LABELS = {"train": [1, 2, 3, 4, 5, 6, 2], "test": [6, 5, 1]}


def signal(split, channel):
    """Numbers that tell split, channel, window and step apart."""
    random = np.random.default_rng([len(split), har.CHANNELS.index(channel)])
    return random.normal(har.CHANNELS.index(channel), 1, (len(LABELS[split]), 128)).round(6)


def write(folder):
    for split, labels in LABELS.items():
        signals = folder / split / "Inertial Signals"
        signals.mkdir(parents=True)
        (folder / split / f"y_{split}.txt").write_text("\n".join(map(str, labels)) + "\n")
        (folder / split / f"X_{split}.txt").write_text("not read\n")
        for channel in har.CHANNELS:
            np.savetxt(signals / f"{channel}_{split}.txt", signal(split, channel), fmt=" %.7e")
    return folder


def archive_into(file, folder):
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(folder.rglob("*.txt")):
            archive.writestr(f"{har.UNPACKED}/{path.relative_to(folder).as_posix()}", path.read_bytes())
            archive.writestr(f"__MACOSX/{har.UNPACKED}/{path.parent.name}/._{path.name}", b"junk")


def write_official(root, source):
    """The zip inside a zip that the repository hands out."""
    inner = io.BytesIO()
    archive_into(inner, source)
    with zipfile.ZipFile(root / har.ARCHIVE, "w") as archive:
        archive.writestr(f"{har.UNPACKED}.zip", inner.getvalue())
        archive.writestr(f"{har.UNPACKED}.names", b"")
    return root / har.ARCHIVE


@pytest.fixture
def tiny_is_official(monkeypatch):
    counts = {split: tuple(np.bincount(labels, minlength=7)[1:].tolist()) for split, labels in LABELS.items()}
    monkeypatch.setattr(har, "OFFICIAL_COUNTS", counts)


def test_channels_steps_and_windows_are_in_their_places(tmp_path):
    write(tmp_path / "uci-har-subset")
    data = har.load_subset(tmp_path)
    assert (data.shape, data.classes, data.size("train"), data.size("test")) == ((128, 9), 2, 7, 3)
    for split in LABELS:
        expected = np.stack([signal(split, channel) for channel in har.CHANNELS], axis=2)
        np.testing.assert_allclose(data.splits[split][0], expected, rtol=1e-6)
    assert har.CHANNELS[0] == "body_acc_x"
    assert har.CHANNELS[5] == "body_gyro_z"
    assert har.CHANNELS[7] == "total_acc_y"


def test_classes_are_sitting_laying_upstairs_against_the_rest(tmp_path):
    write(tmp_path / "uci-har-subset")
    labels = har.load_subset(tmp_path).splits["train"][1]
    assert labels.tolist() == [0 if activity in {4, 6, 2} else 1 for activity in LABELS["train"]]
    assert labels.dtype == torch.int64


def test_each_column_is_standardised_by_the_training_windows(tmp_path):
    folder = write(tmp_path / "uci-har-subset")
    constant = folder / "train" / "Inertial Signals" / "total_acc_z_train.txt"
    np.savetxt(constant, np.full((7, 128), 0.25))
    data = har.load_subset(tmp_path)
    (train, _), (test, _) = next(data.batches("train", 7)), next(data.batches("test", 3))
    raw = {split: samples[0].numpy().astype(np.float64) for split, samples in data.splits.items()}
    mean, std = raw["train"].mean(0), raw["train"].std(0)
    std[std < 1e-6] = 1
    np.testing.assert_allclose(train, (raw["train"] - mean) / std, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(test, (raw["test"] - mean) / std, rtol=1e-4, atol=1e-5)
    assert train[:, :, 8].abs().max() == 0


def test_order_comes_from_the_generator_and_no_augmentation_is_offered(tmp_path):
    write(tmp_path / "uci-har-subset")
    data = har.load_subset(tmp_path)
    batches = list(data.batches("train", 3, order=torch.Generator().manual_seed(1)))
    assert sorted(torch.cat([labels for _, labels in batches]).tolist()) == [0, 0, 0, 0, 1, 1, 1]
    assert har.UCI_HAR_SUBSET.augmentations == har.HAR2.augmentations == ()


@pytest.mark.usefixtures("tiny_is_official")
def test_folder_archive_and_nested_archive_are_the_same_data(tmp_path):
    roots = [tmp_path / name for name in ("folder", "zip", "official", "subset", "tar")]
    for root in roots:
        root.mkdir()
    source = write(roots[0] / har.UNPACKED)
    archive_into(roots[1] / f"{har.UNPACKED}.zip", source)
    write_official(roots[2], source)
    write(roots[3] / "uci-har-subset")
    with tarfile.open(roots[4] / "uci-har-subset.tar.gz", "w:gz") as archive:
        archive.add(source, har.UNPACKED)
    prints = [har.load_har2(root).fingerprint for root in roots[:3]]
    prints += [har.load_subset(root).fingerprint for root in roots[3:]]
    assert len(set(prints)) == 1


def test_one_reading_changes_the_fingerprint(tmp_path):
    folder = write(tmp_path / "uci-har-subset")
    before = har.load_subset(tmp_path).fingerprint
    changed = signal("test", "body_acc_y")
    changed[2, 127] += 0.001
    np.savetxt(folder / "test" / "Inertial Signals" / "body_acc_y_test.txt", changed)
    assert har.load_subset(tmp_path).fingerprint != before


def test_a_subset_never_passes_for_har2(tmp_path):
    write(tmp_path / har.UNPACKED)
    with pytest.raises(DataCorrupt, match=r"is not the official UCI HAR data.*use it as uci-har-subset"):
        har.load_har2(tmp_path)


def test_the_official_numbers_of_windows_are_accepted():
    activities = {split: np.repeat(np.arange(1, 7), counts) for split, counts in har.OFFICIAL_COUNTS.items()}
    assert [len(labels) for labels in activities.values()] == [7352, 2947]
    har.check_official(Path("official.zip"), activities)
    activities["test"] = activities["test"][1:]
    with pytest.raises(DataCorrupt, match="its test split"):
        har.check_official(Path("official.zip"), activities)


def test_missing_data_name_the_place_and_the_command(tmp_path):
    with pytest.raises(DataMissing, match=r"UCI HAR Dataset or human.* was expected there.*repro data fetch har-2"):
        har.load_har2(tmp_path)
    folder = write(tmp_path / "uci-har-subset")
    (folder / "test" / "Inertial Signals" / "body_gyro_x_test.txt").unlink()
    with pytest.raises(DataMissing, match=r"test/Inertial Signals/body_gyro_x_test.txt was expected there"):
        har.load_subset(tmp_path)


@pytest.mark.parametrize(
    ("file", "content", "complaint"),
    [
        ("train/y_train.txt", "7\n" * 7, "holds other labels than 1 to 6"),
        ("train/y_train.txt", "1\n" * 6, "holds 7 windows, train/y_train.txt 6"),
        ("train/Inertial Signals/body_acc_x_train.txt", "0 1\n" * 7, "holds 2 columns"),
        ("train/Inertial Signals/body_acc_x_train.txt", "0 1\n0\n", "is no table of numbers"),
        ("train/Inertial Signals/body_acc_x_train.txt", "<html>", "is no table of numbers"),
        ("train/Inertial Signals/body_acc_x_train.txt", ("nan " * 128 + "\n") * 7, "not finite"),
        ("train/Inertial Signals/body_acc_x_train.txt", "", "is empty"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, file, content, complaint):
    folder = write(tmp_path / "uci-har-subset")
    (folder / file).write_text(content)
    with pytest.raises(DataCorrupt, match=complaint) as caught:
        har.load_subset(tmp_path)
    assert file in str(caught.value)


@pytest.mark.usefixtures("tiny_is_official")
def test_fetch_leaves_a_loadable_archive(tmp_path, serve):
    official = write_official(tmp_path, write(tmp_path / "source"))
    root = tmp_path / "root"
    har.fetch(root, serve(tmp_path) + official.name)
    assert [path.name for path in root.iterdir()] == [har.ARCHIVE]
    assert har.load_har2(root).size("train") == 7


def test_fetch_refuses_what_is_not_the_official_data_and_leaves_nothing(tmp_path, serve):
    official = write_official(tmp_path, write(tmp_path / "source"))
    with pytest.raises(DataCorrupt, match="is not the official UCI HAR data"):
        har.fetch(tmp_path / "root", serve(tmp_path) + official.name)
    assert list((tmp_path / "root").iterdir()) == []


def test_fetch_without_a_network_says_what_to_do(tmp_path):
    with pytest.raises(DataMissing, match=r"cannot download har-2 from http://127.0.0.1:9/: .*--data-dir"):
        har.fetch(tmp_path, "http://127.0.0.1:9/")
