"""Files of other formats: recognised by how they begin, with the way from there to safetensors."""

import re
import zipfile
from pathlib import Path
from typing import NamedTuple

from pruneproof.errors import DataCorrupt
from pruneproof.values.opening import opened

_LONGEST_HEADER = 100_000_000
_LEGACY = bytes.fromhex("6cfc9c46f9206aa85019")
"""The number at which files of torch.save began before version 1.6."""
_SAVE = "safetensors.torch.save_file(tensors, FILE)"


class Foreign(NamedTuple):
    """A format that is neither safetensors nor this package's."""

    what: str
    way: str
    """One sentence: how to go on."""
    torch: bool = False
    """Whether torch.load reads it."""

    def refusal(self, path: Path) -> DataCorrupt:
        """Return the error to raise for a file of the format."""
        return DataCorrupt(f"{path} is {self.what}; a safetensors file was expected. {self.way}")


_TORCH = Foreign(
    "a file of torch.save",
    f"Load its state dict with torch.load(FILE, weights_only=True) and write it with {_SAVE}.",
    torch=True,
)
_SCRIPT = Foreign("a TorchScript archive", f"Take torch.jit.load(FILE).state_dict() and write it with {_SAVE}.")
_EXPORT = Foreign("a program of torch.export", f"Take torch.export.load(FILE).state_dict and write it with {_SAVE}.")
_SHARDS = Foreign(
    "a part of a torch distributed checkpoint",
    "Make one file of its folder with `python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER "
    f"model.pt`, load that and write it with {_SAVE}.",
)
_PICKLE = Foreign(
    "a pickle, which can run code when it is loaded",
    f"Load it where you trust it, take the tensors and write them with {_SAVE}.",
)
_NPZ = Foreign("an archive of numpy arrays (npz)", "Load it with numpy.load and write it with safetensors.numpy.")
_NPY = Foreign("a numpy array", "Load it with numpy.load and write it under its name with safetensors.numpy.")
_KERAS = Foreign("a Keras model", f"Load it in Keras, take the weights of the layers and write them with {_SAVE}.")
_HDF5 = Foreign("an HDF5 file (Keras, TensorFlow)", f"Load its arrays with h5py or Keras and write them with {_SAVE}.")
_TENSORFLOW = Foreign(
    "a part of a TensorFlow model", f"Load it in TensorFlow, take the variables and write them with {_SAVE}."
)
_ONNX = Foreign("an ONNX graph", f"Take its initializers with onnx.numpy_helper.to_array and write them with {_SAVE}.")
_FLAX = Foreign("a msgpack file of Flax", "Load it with flax.serialization and write it with safetensors.flax.")
_GGUF = Foreign(
    "a GGUF or GGML file, whose weights mostly are quantised", "Prune the checkpoint that it was converted from."
)
_POINTER = Foreign("a Git LFS pointer, not the file itself", "Fetch the file with `git lfs pull`.")
_HTML = Foreign("a web page, probably of a download that failed", "Download the file again.")
_PACKED = Foreign("a compressed file or an archive", "Unpack it first.")
_ZERO = Foreign(
    "a folder of DeepSpeed ZeRO", f"Run its zero_to_fp32.py, load what that makes and write it with {_SAVE}."
)

_STARTS = {
    b"version https://git-lfs": _POINTER,
    b"GGUF": _GGUF,
    b"ggml": _GGUF,
    b"lmgg": _GGUF,
    b"tjgg": _GGUF,
    b"fmgg": _GGUF,
    b"\x89HDF\r\n\x1a\n": _HDF5,
    b"\x93NUMPY": _NPY,
    b"\x1f\x8b": _PACKED,
    b"BZh": _PACKED,
    b"\xfd7zXZ\0": _PACKED,
    b"\x28\xb5\x2f\xfd": _PACKED,
    b"7z\xbc\xaf\x27\x1c": _PACKED,
}
_NAMES = {
    r"\.distcp$|^\.metadata$": _SHARDS,
    r"\.onnx(_data)?$|\.onnx\.data$": _ONNX,
    r"\.msgpack$": _FLAX,
    r"\.ckpt\.index$|\.data-\d{5}-of-\d{5}$|^saved_model\.pb$|\.tflite$": _TENSORFLOW,
}


def foreign(path: Path) -> Foreign | None:
    """Return which other format a file has; None for safetensors, and for what cannot be read or is not recognised."""
    try:
        with opened(path) as file:
            head = file.read(512)
    except OSError:
        return None
    length = int.from_bytes(head[:8], "little")
    if head[8:9] == b"{" and length <= _LONGEST_HEADER:
        return None
    if path.suffix != ".json":
        for pattern, found in _NAMES.items():
            if re.search(pattern, path.name):
                return found
    for start, found in _STARTS.items():
        if head.startswith(start):
            return found
    if head.startswith(b"PK\x03\x04"):
        return _of_archive(path)
    if re.match(rb"\x80[\x02-\x05]", head):
        return _TORCH if _LEGACY in head[:64] else _PICKLE
    if re.match(rb"\s*<(!doctype html|html)", head, re.IGNORECASE):
        return _HTML
    if re.match(rb"\x08[\x01-\x14]\x12[\x01-\x40][ -~]", head):  # the version, then who made it
        return _ONNX
    return _PACKED if head[257:262] == b"ustar" else None


def foreign_folder(folder: Path) -> Foreign | None:
    """Return which other format a folder without a safetensors file has."""
    if (folder / ".metadata").is_file() or any(folder.glob("*.distcp")):
        return _SHARDS._replace(what="a torch distributed checkpoint")
    if (folder / "zero_to_fp32.py").is_file():
        return _ZERO
    if (folder / "saved_model.pb").is_file():
        return _TENSORFLOW._replace(what="a SavedModel of TensorFlow")
    return None


def _of_archive(path: Path) -> Foreign | None:
    """Return what a ZIP archive is by the names in it; None for a damaged one."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except Exception:  # whatever a damaged archive leads the library to; who reads the file refuses it
        return None
    if any(name.endswith("/constants.pkl") for name in names):
        return _SCRIPT
    if any(name.endswith("data.pkl") for name in names):
        return _TORCH
    if any(name.endswith("archive_format") for name in names):
        return _EXPORT
    if "model.weights.h5" in names:
        return _KERAS
    return _NPZ if names and all(name.endswith(".npy") for name in names) else _PACKED
