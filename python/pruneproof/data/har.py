"""`har-2` and `uci-har-subset`: smartphone motion as two classes, 128 steps of 9 channels."""

import io
import re
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from pruneproof.api import DataCorrupt, DataSet, Source, Split
from pruneproof.data.files import UNREADABLE, downloading, fetch_advice, missing, read_tree
from pruneproof.data.in_memory import InMemory, Samples, content_fingerprint

URL = "https://archive.ics.uci.edu/static/public/240/human+activity+recognition+using+smartphones.zip"
ARCHIVE = "human+activity+recognition+using+smartphones.zip"
UNPACKED = "UCI HAR Dataset"

STEPS = 128
CHANNELS = [f"{signal}_{axis}" for signal in ("body_acc", "body_gyro", "total_acc") for axis in "xyz"]
SPLITS: tuple[Split, ...] = ("train", "test")

Arrays = Mapping[Split, tuple[np.ndarray[Any, np.dtype[np.float32]], np.ndarray[Any, np.dtype[np.int64]]]]
"""Signals (windows, 128, 9) in g and rad/s, and activities 1..6 (windows,)."""

OFFICIAL_COUNTS: Mapping[Split, tuple[int, ...]] = {
    "train": (1226, 1073, 986, 1286, 1374, 1407),
    "test": (496, 471, 420, 491, 532, 537),
}
"""Windows of activity 1 to 6: walking, upstairs, downstairs, sitting, standing, laying."""


def load_har2(root: Path) -> InMemory:
    """Load HAR-2 from `root`: the official zip (as downloaded, or the one inside it) or its unpacked folder.

    No official checksum of the archive is known to us, so what is read is held against the structure and the official
    numbers of windows of each activity (7,352 train, 2,947 test), and a subset cannot pass for HAR-2. The fingerprint
    covers signals and labels.

    Raises:
        DataMissing: no archive or folder, or a file is absent from it.
        DataCorrupt: a file has another form, or the numbers of windows are not the official ones.
    """
    path, arrays = read_har("har-2", root, [UNPACKED, ARCHIVE, f"{UNPACKED}.zip"], fetch_advice("har-2"))
    check_official(path, {split: activities for split, (_, activities) in arrays.items()})
    return har2(arrays)


def load_subset(root: Path) -> InMemory:
    """Load `root`/uci-har-subset.tar.gz or `root`/uci-har-subset/: any number of windows in the official layout.

    Classes and standardisation are those of HAR-2; the data are not HAR-2 (fewer windows, rounded values).
    """
    advice = "It has no public download; for the official data run `repro data fetch har-2`."
    return har2(read_har("uci-har-subset", root, ["uci-har-subset", "uci-har-subset.tar.gz"], advice)[1])


def read_har(data_set: str, root: Path, places: Sequence[str], advice: str) -> tuple[Path, Arrays]:
    """Read both splits from the first of `places` that exists under `root`, and say which one it was.

    The channels are body_acc x, y, z, body_gyro x, y, z, total_acc x, y, z.
    """
    path = next((root / place for place in places if (root / place).exists()), None)
    if path is None:
        raise missing(data_set, root, " or ".join(places), advice)
    files = read_tree(path, re.compile(r"(?:^|/)((?:train|test)/(?:y_|Inertial Signals/)\w+\.txt)$"))
    return path, {split: _read_split(data_set, path, files, split, advice) for split in SPLITS}


def _read_split(
    data_set: str, path: Path, files: Mapping[str, bytes], split: Split, advice: str
) -> tuple[np.ndarray[Any, np.dtype[np.float32]], np.ndarray[Any, np.dtype[np.int64]]]:
    def table(name: str, columns: int) -> np.ndarray[Any, np.dtype[np.float64]]:
        if name not in files:
            raise missing(data_set, path, name, advice)
        if not files[name].strip():
            raise DataCorrupt(f"{path}: {name} is empty. Replace it by a fresh copy.")
        try:
            numbers = np.loadtxt(io.BytesIO(files[name]), ndmin=2)
        except UNREADABLE as error:
            raise DataCorrupt(f"{path}: {name} is no table of numbers: {error}. Replace it by a fresh copy.") from error
        if numbers.shape[1] != columns or not np.isfinite(numbers).all():
            raise DataCorrupt(
                f"{path}: {name} holds {numbers.shape[1]} columns or values that are not finite; "
                f"{columns} columns of finite numbers were expected. Replace it by a fresh copy."
            )
        return numbers

    activities = table(f"{split}/y_{split}.txt", 1)[:, 0]
    if not np.isin(activities, range(1, 7)).all():
        raise DataCorrupt(f"{path}: {split}/y_{split}.txt holds other labels than 1 to 6. Replace it by a fresh copy.")
    signals = [table(f"{split}/Inertial Signals/{channel}_{split}.txt", STEPS) for channel in CHANNELS]
    for channel, signal in zip(CHANNELS, signals, strict=True):
        if len(signal) != len(activities):
            raise DataCorrupt(
                f"{path}: {split}/Inertial Signals/{channel}_{split}.txt holds {len(signal)} windows, "
                f"{split}/y_{split}.txt {len(activities)}. Replace both by fresh copies."
            )
    return np.stack(signals, axis=2).astype(np.float32), activities.astype(np.int64)


def check_official(path: Path, activities: Mapping[Split, np.ndarray[Any, np.dtype[np.int64]]]) -> None:
    """Compare the number of windows of each activity with the official split.

    Raises:
        DataCorrupt: they differ.
    """
    for split, expected in OFFICIAL_COUNTS.items():
        found = tuple(np.bincount(activities[split], minlength=7)[1:].tolist())
        if found != expected:
            raise DataCorrupt(
                f"{path} is not the official UCI HAR data: its {split} split has {found} windows of activity 1 to 6, "
                f"{expected} were expected. Delete it and run `repro data fetch har-2`, or use it as uci-har-subset."
            )


def har2(arrays: Arrays) -> InMemory:
    """Merge the six activities into HAR-2's two classes and standardise.

    Class 0 is {sitting, laying, upstairs} = {4, 6, 2}, class 1 {standing, walking, downstairs} = {5, 1, 3}: the parity
    of the activity's number (Kusupati et al., 2018, FastGRNN, arXiv 1901.02358, appendix B). Each of the 128 x 9
    columns gets zero mean and unit (population) deviation over the training windows; a deviation below 1e-6 is replaced
    by 1, as in the authors' code.
    """
    splits: dict[Split, Samples] = {
        split: (torch.from_numpy(signals), torch.from_numpy(activities % 2))
        for split, (signals, activities) in arrays.items()
    }
    train = splits["train"][0].double()
    std = train.std(0, correction=0)
    std[std < 1e-6] = 1
    return InMemory(
        splits,
        classes=2,
        fingerprint=content_fingerprint(splits),
        mean=train.mean(0).float(),
        std=std.float(),
        augmentations={},
    )


def fetch_har2(root: Path) -> None:
    """Download the official zip into `root`, once its structure and numbers of windows are found to be right."""
    fetch(root, URL)


def fetch(root: Path, url: str) -> None:
    """Download `url` beside its place under `root`, read it, and only then put it there.

    Raises:
        DataMissing: the download failed.
        DataCorrupt: what came is not the official data.
    """
    with downloading("har-2", url, root):
        root.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=root) as folder:
            partial = Path(folder) / ARCHIVE
            with urllib.request.urlopen(url, timeout=60) as response:
                partial.write_bytes(response.read())
            load_har2(partial.parent)
            partial.replace(root / ARCHIVE)


ANGUITA = Source(
    "Anguita, Ghio, Oneto, Parra and Reyes-Ortiz",
    2013,
    "A public domain dataset for human activity recognition using smartphones (ESANN)",
)

HAR2 = DataSet(
    id="har-2",
    load=load_har2,
    source=ANGUITA,
    license="README of the data: cite the authors, as is, no commercial use",
    about="7,352 train + 2,947 test windows of 128 steps x 9 channels, 2 classes, 47 MB in memory",
    test_samples=2_947,
    fetch=fetch_har2,
)

UCI_HAR_SUBSET = DataSet(
    id="uci-har-subset",
    load=load_subset,
    source=ANGUITA,
    license="README of the data: cite the authors, as is, no commercial use",
    about="an ordered subset of UCI HAR, values rounded: windows of 128 steps x 9 channels, HAR-2's 2 classes",
)
