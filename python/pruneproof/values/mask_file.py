"""The file format `pruneproof-mask/1`: packed masks in a safetensors file (see `docs/mask-format.md`)."""

import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pruneproof.errors import BadTensor, StoreCorrupt
from pruneproof.values.digests import canonical_json, digest_bytes, digest_json
from pruneproof.values.files import replacing

FORMAT = "pruneproof-mask/1"
ENTRY = "mask"
"""The one metadata entry; the library keeps no order among several, and equal masks are to make equal files."""
Bits = NDArray[np.uint8]
_MOST_SIDES = 64
_MOST_WEIGHTS = 2**62


@dataclass(frozen=True)
class PackedMasks:
    """What a mask file holds: packed bits and shapes by name, the threshold, and the digest of the parent."""

    bits: Mapping[str, Bits]
    shapes: Mapping[str, tuple[int, ...]]
    threshold: float | None = None
    parent: str | None = None

    def check(self) -> None:
        """Check that all of it fits together.

        Raises:
            BadTensor: names differ, a shape is none, a byte count does not fit its shape, a padding bit is set, or the
                parent is no digest.
        """
        if set(self.bits) != set(self.shapes):
            alone = ", ".join(sorted(set(self.bits) ^ set(self.shapes)))
            raise BadTensor(f"mask names differ: only bits or only a shape for {alone[:200]}.")
        for name, packed in self.bits.items():
            if not _is_text(name):
                raise BadTensor(f"a mask has the name {name!r:.80}; text that can be written as UTF-8 was expected.")
            size = size_of(name, self.shapes[name])
            if packed.dtype != np.uint8 or packed.shape != ((size + 7) // 8,):
                raise BadTensor(
                    f'mask "{name}" has {packed.dtype} bytes of shape {packed.shape}; {(size + 7) // 8} uint8 bytes '
                    f"were expected for {size} weights."
                )
            if size % 8 and packed[-1] >> (size % 8):
                raise BadTensor(f'mask "{name}" has bits set beyond its {size} weights.')
        if self.parent is not None and not re.fullmatch("[0-9a-f]{64}", self.parent):
            raise BadTensor(f"the parent of a mask is {self.parent!r}; a digest of 64 hexadecimal digits was expected.")

    def digest(self) -> str:
        """Return the BLAKE3 digest of names, shapes and packed bits; threshold and parent do not enter."""
        return digest_json(
            {name: [list(self.shapes[name]), digest_bytes(bits.tobytes())] for name, bits in self.bits.items()}
        )

    def seal(self, digest: str) -> str:
        """Return the BLAKE3 digest of everything: of `digest`, the threshold and the parent."""
        return digest_json({"digest": digest, "threshold": _hexadecimal(self.threshold), "parent": self.parent})


def size_of(name: str, shape: tuple[int, ...]) -> int:
    """Return the number of weights of a tensor of `shape`.

    Raises:
        BadTensor: a side is no whole number from 0, there are more than 64, or their product is beyond 2^62.
    """
    if len(shape) > _MOST_SIDES or not all(type(side) is int and side >= 0 for side in shape):
        raise BadTensor(
            f'mask "{name}" has the shape {str(shape)[:80]}; at most {_MOST_SIDES} whole numbers from 0 were expected.'
        )
    size = prod(shape)
    span = size or prod(side or 1 for side in shape)  # no array library takes a larger one, also beside a side of 0
    if span > _MOST_WEIGHTS:
        raise BadTensor(f'mask "{name}" has a shape of more than 2^62 weights: {str(shape)[:80]}.')
    return size


def write(masks: PackedMasks, path: Path, *, sealed: bool = True) -> None:
    """Write a mask file, whole or not at all; `sealed` is as in `MaskSet.save`.

    Raises:
        OSError: the folder cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    digest = masks.digest()
    facts = {
        "format": FORMAT,
        "shapes": masks.shapes,
        "digest": digest,
        "threshold": _hexadecimal(masks.threshold),
    }
    if masks.parent is not None:
        facts["parent"] = masks.parent
    if sealed:
        facts["seal"] = masks.seal(digest)
    with replacing(path) as draft:
        try:
            save_file(dict(masks.bits), draft, metadata={ENTRY: canonical_json(facts)})
        except SafetensorError as problem:  # the library wraps the system's refusal in its own class
            raise OSError(str(problem)) from problem


def read(path: Path, *, mapped: bool = False) -> PackedMasks:
    """Read a mask file and check it whole; with `mapped` the bits stay in the file, which must not be altered in place.

    Raises:
        StoreCorrupt: the file is missing, damaged, of another format, or its digest or its seal does not match.
    """
    from safetensors import SafetensorError

    advice = "Make it anew; if a run wrote it, delete it and run again."
    try:
        facts, bits = _open(path, mapped=mapped)
        if facts["format"] != FORMAT:
            found = str(facts["format"])[:80]
            raise StoreCorrupt(f'mask file {path} has format "{found}"; "{FORMAT}" was expected. {advice}')
        shapes = {name: tuple(shape) for name, shape in dict(facts["shapes"]).items()}
        threshold = None if facts["threshold"] is None else float.fromhex(facts["threshold"])
        masks = PackedMasks({name: bits[name] for name in sorted(bits)}, shapes, threshold, facts.get("parent"))
        masks.check()
        digest = masks.digest()
    except (OSError, SafetensorError, BadTensor, LookupError, ValueError, TypeError, ArithmeticError) as problem:
        raise StoreCorrupt(f"mask file {path} cannot be read: {problem}. {advice}") from problem
    except RecursionError:
        raise StoreCorrupt(f"mask file {path} cannot be read: its metadata is nested too deep. {advice}") from None
    if digest != facts.get("digest"):
        raise StoreCorrupt(f"mask file {path} does not have the digest written in it. {advice}")
    if "seal" in facts and facts["seal"] != masks.seal(digest):  # files of the store and of early versions have none
        raise StoreCorrupt(f"the threshold or the parent in mask file {path} is not what was written there. {advice}")
    return masks


def is_mask_file(path: Path) -> bool:
    """Say whether `path` is a safetensors file that claims to hold packed masks, sound or not."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return ENTRY in (file.metadata() or {})
    except (OSError, SafetensorError):
        return False


def _open(path: Path, *, mapped: bool) -> tuple[dict[str, Any], dict[str, Bits]]:
    """Return the metadata entry and the bits, in memory or in the file."""
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:  # the library checks lengths, offsets and overlaps
        facts = json.loads((file.metadata() or {})[ENTRY], object_pairs_hook=_once)
    if not isinstance(facts, dict):
        raise ValueError(f"its metadata is a {type(facts).__name__}, not an object")
    content = np.memmap(path, dtype=np.uint8, mode="r").view(np.ndarray)
    (length,) = struct.unpack("<Q", content[:8].tobytes())
    header = json.loads(content[8 : 8 + length].tobytes(), object_pairs_hook=_once)
    header.pop("__metadata__")
    bits = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        if entry["dtype"] != "U8" or entry["shape"] != [end - start]:
            raise BadTensor(f'mask "{name}" is {entry["dtype"]} of shape {entry["shape"]}, not a row of bytes')
        row = content[8 + length + start : 8 + length + end]
        bits[name] = row if mapped else row.copy()
    return facts, bits


def _hexadecimal(threshold: float | None) -> str | None:
    """Return a threshold as a C99 hexadecimal float, since JSON has no infinities."""
    return None if threshold is None else float(threshold).hex()


def _is_text(name: object) -> bool:
    """Say whether a name is text without lone surrogates, which no file can hold."""
    return isinstance(name, str) and (name.isascii() or not re.search("[\ud800-\udfff]", name))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of JSON whose names must differ."""
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a name stands twice in its header")
    return content
