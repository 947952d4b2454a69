"""`cifar10-jpeg`: CIFAR-10 re-encoded as JPEG, a small lossy stand-in that never passes for `cifar10`."""

import io
import os
import re
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from tokenize import TokenError

import numpy as np
import platformdirs
import torch
from PIL import Image

from pruneproof.api import DataCorrupt, DataSet, Source, Split, digest_bytes, digest_json, opened
from pruneproof.data.augment import IMAGE_AUGMENTATIONS
from pruneproof.data.cifar import CIFAR10_NORMALISATION
from pruneproof.data.files import UNREADABLE, missing, read_tree
from pruneproof.data.in_memory import InMemory, Samples, images

JPEG = re.compile(r"(?:^|/)((?:train|test)/[^/]+/[^/.][^/]*\.jpe?g)$", re.IGNORECASE)
SPLITS: tuple[Split, ...] = ("train", "test")


def load_cifar10_jpeg(root: Path) -> InMemory:
    """Load `cifar10-jpeg`, see `read_cifar10_jpeg`."""
    return read_cifar10_jpeg(root, "cifar10-jpeg")


def read_cifar10_jpeg(root: Path, data_set: str) -> InMemory:
    """Load `root`/cifar10-jpeg/{train,test}/<class>/*.jpg, or the same tree in `root`/cifar10-jpeg.tar.gz.

    Classes are the sorted folder names, samples are in path order (hence grouped by class). The fingerprint covers
    relative paths and file bytes. Normalised as `cifar10`. Messages name `data_set`.

    Raises:
        DataMissing: there is neither folder nor archive, or no JPEG in it.
        DataCorrupt: an image cannot be decoded or has another size, or the splits have different classes.
    """
    path = root / "cifar10-jpeg"
    if not path.is_dir():
        path = root / "cifar10-jpeg.tar.gz"
    files = read_tree(path, JPEG) if path.exists() else {}
    if not files:
        advice = "Nothing can be fetched for it; for the official pixels run `repro data fetch cifar10`."
        raise missing(data_set, root, "cifar10-jpeg/{train,test}/<class>/*.jpg or cifar10-jpeg.tar.gz", advice)
    classes = sorted({name.split("/")[1] for name in files})
    names: dict[Split, list[str]] = {
        split: [name for name in files if name.startswith(f"{split}/")] for split in SPLITS
    }
    for split in SPLITS:
        if absent := set(classes) - {name.split("/")[1] for name in names[split]}:
            raise DataCorrupt(f"{path} has no {split} image of class {', '.join(sorted(absent))}. Restore the tree.")

    fingerprint = digest_json({name: digest_bytes(content) for name, content in files.items()})
    pixels = decode_cached(fingerprint, files, names, path)
    splits: dict[Split, Samples] = {
        split: (pixels[split], torch.tensor([classes.index(name.split("/")[1]) for name in names[split]]))
        for split in SPLITS
    }
    return images(splits, classes=len(classes), fingerprint=fingerprint, normalisation=CIFAR10_NORMALISATION)


def decode_cached(
    fingerprint: str, files: dict[str, bytes], names: dict[Split, list[str]], path: Path
) -> dict[Split, torch.Tensor]:
    """Return the decoded images of each split; kept under the cache folder, because decoding takes seconds.

    The folder is the environment variable PRUNEPROOF_CACHE, or the user's cache folder. A cache that cannot be read is
    rebuilt; one that cannot be written, or for which no home folder is known, is done without.
    """
    name = f"cifar10-jpeg-{fingerprint}.npz"
    try:
        return _cached(_folder() / name, {split: len(names[split]) for split in SPLITS})
    except (*UNREADABLE, SyntaxError, TokenError):  # the latter two of heads of arrays
        pixels = {split: decode(((name, files[name]) for name in names[split]), path) for split in SPLITS}
    try:
        folder = _folder()
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as partial:
            written = Path(partial) / name
            np.savez(written, train=pixels["train"].numpy(), test=pixels["test"].numpy())
            written.replace(folder / name)
    except (OSError, RuntimeError):
        pass  # a full or read-only disk costs time at the next load, nothing else
    return pixels


def _folder() -> Path:
    return Path(os.environ.get("PRUNEPROOF_CACHE") or platformdirs.user_cache_dir("pruneproof")).expanduser()


def _cached(path: Path, counts: Mapping[Split, int]) -> dict[Split, torch.Tensor]:
    """Return the decoded images of a cache.

    Raises:
        ValueError: it holds something else than so many RGB images of one size; other errors of damaged archives.
    """
    with opened(path) as file, zipfile.ZipFile(file) as archive:
        size = os.fstat(file.fileno()).st_size
        if sum(member.file_size for member in archive.infolist()) > size:
            raise ValueError("it is packed, which a cache never is")
    with opened(path) as file, np.load(file, allow_pickle=False) as arrays:
        found = {split: arrays[split] for split in counts}
    sizes = {array.shape[1:] for array in found.values()}
    for split, array in found.items():
        if array.dtype != np.uint8 or array.ndim != 4 or array.shape[:2] != (counts[split], 3) or len(sizes) > 1:
            raise ValueError(f"{split} is of dtype {array.dtype} and shape {array.shape}")
    return {split: torch.from_numpy(array) for split, array in found.items()}


def decode(files: Iterable[tuple[str, bytes]], path: Path) -> torch.Tensor:
    """Decode named JPEGs of one size to uint8 RGB, shape (samples, 3, height, width).

    Raises:
        DataCorrupt: a file is not a JPEG or has another size than the first one.
    """
    decoded: list[torch.Tensor] = []
    for name, content in files:
        try:
            picture = Image.open(io.BytesIO(content), formats=["JPEG"]).convert("RGB")
            image = torch.from_numpy(np.array(picture)).permute(2, 0, 1)
        except (*UNREADABLE, SyntaxError, TypeError, AttributeError, Image.DecompressionBombError) as error:
            raise DataCorrupt(f"{path}: {name} cannot be decoded: {error}. Replace it by a fresh copy.") from error
        if decoded and image.shape != decoded[0].shape:
            raise DataCorrupt(
                f"{path}: {name} has shape {tuple(image.shape)}, the images before it {tuple(decoded[0].shape)}. "
                "All images of one size were expected."
            )
        decoded.append(image)
    return torch.stack(decoded)


CIFAR10_JPEG = DataSet(
    id="cifar10-jpeg",
    load=load_cifar10_jpeg,
    source=Source("Krizhevsky", 2009, "Learning multiple layers of features from tiny images (re-encoded as JPEG)"),
    license="not stated with the files",
    about="CIFAR-10 with lossy pixels: 50,000 train + 10,000 test, 3x32x32, 10 classes, 20 MB as tar.gz",
    test_samples=10_000,
    augmentations=tuple(IMAGE_AUGMENTATIONS),
)
