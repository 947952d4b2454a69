"""`MaskSet`: which weights are alive, bit-packed, as a value outside the model."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pruneproof.errors import BadTensor, StoreCorrupt
from pruneproof.values.digests import canonical_json, digest_bytes, digest_json

if TYPE_CHECKING:
    import torch

FORMAT = "pruneproof-mask/1"
Bits = NDArray[np.uint8]


class MaskSet(Mapping[str, "torch.Tensor"]):
    """A frozen mapping from state-dict name to mask; 1 is alive, 0 is pruned.

    A tensor's mask is packed eight weights to the byte, in C order, lowest bit first, padded with zeros. The digest
    covers names, shapes and packed bytes, so equal masks have equal digests wherever they were made.

    >>> masks = MaskSet.from_arrays({"fc.weight": np.array([[1, 0], [1, 1]], dtype=bool)})
    >>> masks.count(), masks.size(), masks.density("fc.weight"), masks.array("fc.weight").tolist()
    (3, 4, 0.75, [[True, False], [True, True]])
    """

    def __init__(
        self, bits: Mapping[str, Bits], shapes: Mapping[str, tuple[int, ...]], *, threshold: float | None = None
    ) -> None:
        """Take packed `bits` and `shapes` of the same names; `threshold` is the boundary score where the scope has one.

        Raises:
            BadTensor: names differ, a byte count does not fit its shape, or a padding bit is set.
        """
        if set(bits) != set(shapes):
            raise BadTensor(f"mask names differ: bits for {sorted(bits)}, shapes for {sorted(shapes)}.")
        for name, packed in bits.items():
            size = _size(shapes[name])
            if packed.dtype != np.uint8 or packed.shape != ((size + 7) // 8,):
                raise BadTensor(
                    f'mask "{name}" has {packed.dtype} bytes of shape {packed.shape}; {(size + 7) // 8} uint8 bytes '
                    f"were expected for {size} weights."
                )
            if size % 8 and packed[-1] >> (size % 8):
                raise BadTensor(f'mask "{name}" has bits set beyond its {size} weights.')
        self._bits = {name: bits[name] for name in sorted(bits)}
        self._shapes = {name: tuple(shapes[name]) for name in self._bits}
        self.threshold = threshold
        for packed in self._bits.values():
            packed.setflags(write=False)

    @classmethod
    def from_arrays(cls, masks: Mapping[str, NDArray[np.bool_]], *, threshold: float | None = None) -> "MaskSet":
        """Pack boolean arrays."""
        bits = {name: np.packbits(mask.reshape(-1), bitorder="little") for name, mask in masks.items()}
        return cls(bits, {name: mask.shape for name, mask in masks.items()}, threshold=threshold)

    @classmethod
    def dense(cls, shapes: Mapping[str, tuple[int, ...]]) -> "MaskSet":
        """Return the mask in which every weight of `shapes` is alive."""
        return cls.from_arrays({name: np.ones(shape, dtype=np.bool_) for name, shape in shapes.items()})

    def __getitem__(self, name: str) -> "torch.Tensor":
        """Return the mask of `name` as a bool tensor on the CPU."""
        import torch

        return torch.from_numpy(self.array(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._bits)

    def __len__(self) -> int:
        return len(self._bits)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MaskSet) and self.digest() == other.digest()

    def __hash__(self) -> int:
        return hash(self.digest())

    def __repr__(self) -> str:
        return f"MaskSet({len(self)} tensors, {self.count()} of {self.size()} alive)"

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of each tensor."""
        return self._shapes

    def packed(self, name: str) -> Bits:
        """Return the packed bytes of `name`, read-only."""
        return self._bits[name]

    def array(self, name: str) -> NDArray[np.bool_]:
        """Return the mask of `name` as a boolean array of the tensor's shape."""
        shape = self._shapes[name]
        flat = np.unpackbits(self._bits[name], count=_size(shape), bitorder="little")
        return flat.view(np.bool_).reshape(shape)

    def count(self, name: str | None = None) -> int:
        """Return the number of alive weights, of one tensor or of all."""
        names = self._bits if name is None else [name]
        return sum(int(np.bitwise_count(self._bits[each]).sum(dtype=np.int64)) for each in names)

    def size(self, name: str | None = None) -> int:
        """Return the number of weights, alive or not, of one tensor or of all."""
        return sum(_size(self._shapes[each]) for each in (self._bits if name is None else [name]))

    def density(self, name: str | None = None) -> float:
        """Return the alive fraction, of one tensor or of all, in [0, 1]; an empty tensor counts as dense."""
        size = self.size(name)
        return self.count(name) / size if size else 1.0

    def empty_tensors(self) -> list[str]:
        """Return the names of the tensors with no weight alive (collapsed layers)."""
        return [name for name in self._bits if self.size(name) and not self.count(name)]

    def is_subset_of(self, other: "MaskSet") -> bool:
        """Say whether every weight alive here is alive in `other` (nesting).

        Raises:
            BadTensor: the two speak of different tensors.
        """
        if self._shapes != other._shapes:
            raise BadTensor("masks of different tensors cannot be compared: names or shapes differ.")
        return all(not np.any(self._bits[name] & ~other._bits[name]) for name in self._bits)

    def digest(self) -> str:
        """Return the BLAKE3 digest of names, shapes and packed bits."""
        return digest_json(
            {name: [list(self._shapes[name]), digest_bytes(bits.tobytes())] for name, bits in self._bits.items()}
        )

    def save(self, path: Path) -> None:
        """Write a safetensors file of the packed bytes; shapes, threshold and digest travel in its metadata.

        Equal masks make equal files: the metadata is one entry, since the library keeps no order among several.
        """
        from safetensors.numpy import save_file

        threshold = None if self.threshold is None else self.threshold.hex()  # JSON has no infinities
        facts = {"format": FORMAT, "shapes": self._shapes, "digest": self.digest(), "threshold": threshold}
        save_file(dict(self._bits), path, metadata={"mask": canonical_json(facts)})

    @classmethod
    def load(cls, path: Path) -> "MaskSet":
        """Read what `save` wrote.

        Raises:
            StoreCorrupt: the file is missing, damaged, of another format, or its digest does not match.
        """
        from safetensors import SafetensorError, safe_open

        advice = "Delete it and run again to make it anew."
        try:
            with safe_open(path, framework="numpy") as file:
                facts: dict[str, Any] = json.loads((file.metadata() or {})["mask"])
                bits = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 -- not a mapping
            if facts["format"] != FORMAT:
                raise StoreCorrupt(
                    f'mask file {path} has format {facts["format"]!r}; "{FORMAT}" was expected. {advice}'
                )
            shapes = {name: tuple(shape) for name, shape in facts["shapes"].items()}
            threshold = None if facts["threshold"] is None else float.fromhex(facts["threshold"])
            masks = cls(bits, shapes, threshold=threshold)
        except (OSError, SafetensorError, BadTensor, KeyError, ValueError, TypeError) as problem:
            raise StoreCorrupt(f"mask file {path} cannot be read: {problem}. {advice}") from problem
        if masks.digest() != facts.get("digest"):
            raise StoreCorrupt(f"mask file {path} does not have the digest written in it. {advice}")
        return masks


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for side in shape:
        size *= side
    return size
