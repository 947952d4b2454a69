"""`MaskSet`: which weights are alive, bit-packed, as a value outside the model."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pruneproof import _engine
from pruneproof.errors import BadTensor
from pruneproof.values import mask_file
from pruneproof.values.mask_algebra import MaskAlgebra, popcount
from pruneproof.values.mask_apply import apply_masks, unpacked
from pruneproof.values.mask_file import Bits, PackedMasks
from pruneproof.values.packed import PackedBuffer

if TYPE_CHECKING:
    import torch

    from pruneproof.values.attached import Attached


class MaskSet(MaskAlgebra):
    """A frozen mapping from state-dict name to mask; 1 is alive, 0 is pruned.

    A tensor's mask is packed eight weights to the byte, in C order, lowest bit first, padded with zeros. The digest
    covers names, shapes and packed bytes, so equal masks have equal digests wherever they were made. Two sets over the
    same tensors combine with `&`, `|`, `^` and `-`; the result has neither threshold nor parent.

    >>> masks = MaskSet.from_arrays({"fc.weight": np.array([[1, 0], [1, 1]], dtype=bool)})
    >>> masks.count(), masks.size(), masks.density("fc.weight"), masks.array("fc.weight").tolist()
    (3, 4, 0.75, [[True, False], [True, True]])
    >>> other = MaskSet.from_arrays({"fc.weight": np.array([[0, 1], [1, 1]], dtype=bool)})
    >>> (masks & other).array("fc.weight").tolist(), (masks - other).count(), masks.hamming(other)
    ([[False, False], [True, True]], 1, 2)
    """

    _of_engine: tuple[PackedBuffer, float | None]

    def __init__(
        self,
        bits: Mapping[str, Bits | bytes],
        shapes: Mapping[str, tuple[int, ...]],
        threshold: float | None = None,
        parent: str | None = None,
    ) -> None:
        """Take packed `bits` and `shapes` of the same names.

        Args:
            bits: name -> packed bytes; they become read-only, and a view of other memory that can be written is copied.
            shapes: name -> shape of the tensor.
            threshold: the boundary score, where the scope has one.
            parent: digest of the mask from which this one was made.

        Raises:
            BadTensor: names differ, a shape is none, a byte count does not fit its shape, a padding bit is set, or the
                parent is no digest.
        """
        names = sorted(bits)
        plain = {name: tuple(shape) for name, shape in sorted(shapes.items())}
        self._packed = PackedMasks({name: _owned(bits[name]) for name in names}, plain, threshold, parent)
        self._packed.check()
        for packed in self._packed.bits.values():
            packed.setflags(write=False)

    @classmethod
    def of_engine(cls, bits: PackedBuffer, threshold: float | None) -> "MaskSet":
        """Take what the engine packed, in the order of the names, unchecked; slices are made when one is asked for."""
        made = cls.__new__(cls)
        made._of_engine = bits, threshold
        return made

    @cached_property
    def _packed(self) -> PackedMasks:
        bits, threshold = self._of_engine
        return PackedMasks(bits, bits.shapes, threshold)

    @classmethod
    def from_arrays(cls, masks: Mapping[str, NDArray[np.bool_]], *, threshold: float | None = None) -> "MaskSet":
        """Pack boolean arrays."""
        bits = {name: np.packbits(mask.reshape(-1), bitorder="little") for name, mask in masks.items()}
        return cls(bits, {name: mask.shape for name, mask in masks.items()}, threshold=threshold)

    @classmethod
    def from_tensors(cls, masks: Mapping[str, "torch.Tensor"]) -> "MaskSet":
        """Pack torch masks of any device and dtype: bool, or numbers that are all 0 or 1.

        >>> import torch
        >>> MaskSet.from_tensors({"w": torch.tensor([1.0, 0.0, 1.0])}).packed("w").tolist()
        [5]

        Raises:
            BadTensor: a number other than 0 and 1.
        """
        for name, mask in masks.items():
            if not _holds_zeros_and_ones(mask):
                raise BadTensor(
                    f'the mask of "{name}" holds numbers other than 0 and 1. To make a mask of the weights that are '
                    "not zero, use MaskSet.from_weights."
                )
        return cls.from_weights(masks)

    @classmethod
    def from_weights(cls, weights: Mapping[str, "torch.Tensor"]) -> "MaskSet":
        """Make the mask of the weights that are not zero; -0 is zero, and NaN is not."""
        return cls.from_arrays({name: (tensor.detach() != 0).cpu().numpy() for name, tensor in weights.items()})

    @classmethod
    def dense(cls, shapes: Mapping[str, tuple[int, ...]]) -> "MaskSet":
        """Return the mask in which every weight of `shapes` is alive."""
        return cls.from_arrays({name: np.ones(shape, dtype=np.bool_) for name, shape in shapes.items()})

    def __getitem__(self, name: str) -> "torch.Tensor":
        """Return the mask of `name` as a bool tensor on the CPU."""
        import torch

        return torch.from_numpy(self.array(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed.bits)

    def __len__(self) -> int:
        return len(self._packed.bits)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MaskSet) and self.digest() == other.digest()

    def __hash__(self) -> int:
        return hash(self.digest())

    def __repr__(self) -> str:
        return f"MaskSet({len(self)} tensors, {self.count()} of {self.size()} alive)"

    def _repr_html_(self) -> str:
        from pruneproof.values.mask_html import mask_html

        return mask_html(self)

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of each tensor."""
        return MappingProxyType(self._packed.shapes)

    @property
    def threshold(self) -> float | None:
        """The boundary score, where the scope has one."""
        return self._packed.threshold

    @property
    def parent(self) -> str | None:
        """The digest of the mask from which this one was made, where that is known."""
        return self._packed.parent

    def with_parent(self, parent: "MaskSet") -> "MaskSet":
        """Return the same mask, made from `parent`; the digest stays the same."""
        return MaskSet(self._packed.bits, self.shapes, threshold=self.threshold, parent=parent.digest())

    def with_prefix(self, prefix: str) -> "MaskSet":
        """Return the same masks for a model that holds this one under a prefix, as wrappers do.

        >>> list(MaskSet.dense({"0.weight": (2, 2)}).with_prefix("module."))
        ['module.0.weight']
        """
        return self._renamed({name: prefix + name for name in self})

    def without_prefix(self, prefix: str) -> "MaskSet":
        """Return the masks of what has a prefix, without it: of a submodule, or of a model that was wrapped.

        >>> list(MaskSet.dense({"encoder.0.weight": (2, 2), "head.weight": (2,)}).without_prefix("encoder."))
        ['0.weight']

        Raises:
            BadTensor: no mask has the prefix.
        """
        found = {name: name.removeprefix(prefix) for name in self if name.startswith(prefix)}
        if not found:
            raise BadTensor(f'no mask has the prefix "{prefix}"; there are {", ".join(self) or "none"}.')
        return self._renamed(found)

    def only(self, names: Iterable[str]) -> "MaskSet":
        """Return the masks of these tensors."""
        chosen = list(names)
        return MaskSet({name: self.packed(name) for name in chosen}, {name: self.shapes[name] for name in chosen})

    def packed(self, name: str) -> Bits:
        """Return the packed bytes of `name`, read-only."""
        return self._packed.bits[name].view()  # of an owner that is read-only: it cannot be made writable

    def array(self, name: str) -> NDArray[np.bool_]:
        """Return the mask of `name` as a boolean array of the tensor's shape."""
        flat = np.unpackbits(self.packed(name), count=self.size(name), bitorder="little")
        return flat.view(np.bool_).reshape(self.shapes[name])

    def to_tensors(
        self, dtype: "torch.dtype | None" = None, device: "torch.device | str" = "cpu"
    ) -> dict[str, "torch.Tensor"]:
        """Return name -> tensor of `dtype` (bool when None); the bits travel to the device packed."""
        return {
            name: unpacked(self, name, device).to(dtype) if dtype else unpacked(self, name, device) for name in self
        }

    def count(self, name: str | None = None) -> int:
        """Return the number of alive weights, of one tensor or of all."""
        return sum(popcount(self.packed(each)) for each in self._named(name))

    def size(self, name: str | None = None) -> int:
        """Return the number of weights, alive or not, of one tensor or of all."""
        return sum(mask_file.size_of(each, self.shapes[each]) for each in self._named(name))

    def density(self, name: str | None = None) -> float:
        """Return the alive fraction, of one tensor or of all, in [0, 1]; an empty tensor counts as dense."""
        size = self.size(name)
        return self.count(name) / size if size else 1.0

    def empty_tensors(self) -> list[str]:
        """Return the names of the tensors with no weight alive (collapsed layers)."""
        return [name for name in self if self.size(name) and not self.count(name)]

    def row_counts(self, name: str) -> NDArray[np.int64]:
        """Return the number of alive weights of each row (output unit or filter: the first dimension) of a tensor.

        Raises:
            BadTensor: the tensor has no dimension.
        """
        shape = self.shapes[name]
        if shape and not self.size(name):
            return np.zeros(shape[0], np.int64)
        return self.block_counts(name, [1, *shape[1:]]).reshape(-1)

    def block_counts(self, name: str, block: Sequence[int]) -> NDArray[np.int64]:
        """Return the number of alive weights of each block, as the grid of the blocks.

        Blocks at the far edges are smaller where a side of the tensor is no multiple of the block's.

        >>> MaskSet.dense({"w": (2, 3)}).block_counts("w", (2, 2)).tolist()
        [[4, 2]]

        Args:
            name: the tensor.
            block: one side per dimension of the tensor, at least 1.

        Raises:
            BadTensor: another number of sides, or a side below 1.
        """
        shape = self.shapes[name]
        if not shape or len(shape) != len(block) or min(block) < 1:
            raise BadTensor(
                f'mask "{name}" of shape {shape} cannot be cut into blocks of {tuple(block)}: '
                "one whole number from 1 for each dimension was expected."
            )
        grid = [-(-side // step) for side, step in zip(shape, block, strict=True)]
        bounded = [min(step, max(side, 1)) for side, step in zip(shape, block, strict=True)]
        counts = _engine.mask_block_counts(self.packed(name), shape, bounded)
        return counts.astype(np.int64).reshape(grid)

    def is_n_of_m(self, name: str, n: int, m: int, *, axis: int = 1) -> bool:
        """Say whether at most `n` of each `m` consecutive weights along `axis` are alive (N:M structure).

        A last group of fewer than `m` weights may have `n` alive as well.

        >>> masks = MaskSet.from_arrays({"w": np.array([[1, 0, 0, 1, 1, 0, 1, 0]], dtype=bool)})
        >>> masks.is_n_of_m("w", 2, 4), masks.is_n_of_m("w", 1, 2), masks.is_n_of_m("w", 1, 4)
        (True, True, False)

        Raises:
            BadTensor: the tensor lacks the dimension, or not 0 <= n <= m with m from 1.
        """
        sides = len(self.shapes[name])
        if not -sides <= axis < sides or not 0 <= n <= m or m < 1:
            raise BadTensor(
                f'{n}:{m} along dimension {axis} cannot be asked of "{name}", which has {sides} dimensions.'
            )
        block = [1] * sides
        block[axis] = m
        return bool(np.all(self.block_counts(name, block) <= n))

    def apply_(self, target: "torch.nn.Module | Mapping[str, torch.Tensor]", *, gradients: bool = False) -> None:
        """Set dead weights to exactly +0.0 in place, whatever they were (a product would leave -0.0 and NaN).

        The memory of contiguous CPU tensors is borrowed and passed over once; on other devices, and for other layouts,
        torch does it. Tensors that the mask does not name stay as they are. Autograd notices the change, as it notices
        any other in-place change.

        >>> import torch
        >>> layer = torch.nn.Linear(2, 1, bias=False)
        >>> MaskSet.from_arrays({"weight": np.array([[True, False]])}).apply_(layer)
        >>> layer.weight.count_nonzero().item()
        1

        Args:
            target: a module (parameters and buffers), or name -> tensor (float16, bfloat16, float32 or float64).
            gradients: mask the `.grad` of the tensors in place of the tensors; those without one are passed over.

        Raises:
            BadTensor: a mask without a tensor, or a tensor of another shape, dtype or layout, or that is not plain
                memory. Nothing is changed then.
        """
        apply_masks(self, target, gradients=gradients)

    def attach(
        self, optimizer: "torch.optim.Optimizer", model: "torch.nn.Module | Mapping[str, torch.Tensor] | None" = None
    ) -> "Attached":
        """Keep dead weights at exactly +0.0 while an optimizer trains: masks now, and around each of its steps.

        Before a step the gradients of dead weights are set to zero, so that they enter no momentum; after it the
        weights, whatever decay and old momentum made of them. A closure's gradients are masked too. The state dicts of
        model and optimizer stay as they are; a copy of the optimizer is to be attached anew.

        >>> import torch
        >>> layer = torch.nn.Linear(2, 1, bias=False)
        >>> optimizer = torch.optim.AdamW(layer.parameters())
        >>> with MaskSet.from_arrays({"weight": np.array([[True, False]])}).attach(optimizer, layer):
        ...     layer(torch.ones(1, 2)).sum().backward()
        ...     optimizer.step()
        >>> layer.weight.count_nonzero().item()
        1

        Args:
            optimizer: the optimizer; of a wrapper that runs no step hooks the one within.
            model: what the mask's names belong to; may be left out if the optimizer was made of `named_parameters()`.

        Returns:
            A handle, also a context manager: `remove()` ends it, `mask_gradients()` is for clipping before the step.

        Raises:
            BadConfig: an optimizer without step hooks or names, or one that trains none of the masked weights.
            BadTensor: as `apply_`.
        """
        from pruneproof.values.attached import Attached

        return Attached(self, optimizer, model)

    def digest(self) -> str:
        """Return the BLAKE3 digest of names, shapes and packed bits; threshold and parent do not enter."""
        return self._packed.digest()

    def save(self, path: Path | str, *, sealed: bool = True) -> None:
        """Write a file of the format `pruneproof-mask/1`: packed bytes, shapes, threshold, digest, parent and seal.

        Equal masks make equal files. The file appears whole or not at all.

        Args:
            path: the file; one that is there is replaced.
            sealed: write the seal, by which a reader notices that threshold or parent were edited. The store does
                without: its manifests and records hold digests of whole files.

        Raises:
            OSError: the folder cannot be written.
        """
        mask_file.write(self._packed, Path(path), sealed=sealed)

    @classmethod
    def load(cls, path: Path | str, *, mapped: bool = False) -> "MaskSet":
        """Read what `save` wrote, and check it against its digest and its seal.

        Args:
            path: the file.
            mapped: leave the bits in the file, mapped into memory; it must not be altered in place while in use.

        Raises:
            StoreCorrupt: the file is missing, damaged, of another format, or its digest or its seal does not match.
        """
        found = mask_file.read(Path(path), mapped=mapped)
        return cls(found.bits, found.shapes, threshold=found.threshold, parent=found.parent)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as bytes and a call of the class alone, all that `torch.load(weights_only=True)` has to allow."""
        rows = {name: self.packed(name).tobytes() for name in self}
        return MaskSet, (rows, dict(self.shapes), self.threshold, self.parent)

    def _renamed(self, names: Mapping[str, str]) -> "MaskSet":
        return MaskSet(
            {new: self.packed(old) for old, new in names.items()}, {new: self.shapes[old] for old, new in names.items()}
        )

    def _of(self, bits: Mapping[str, Bits]) -> "MaskSet":
        return MaskSet(bits, self.shapes)


def _holds_zeros_and_ones(mask: "torch.Tensor") -> bool:
    return bool(((mask == 0) | (mask == 1)).all())


def _owned(packed: Bits | bytes) -> Bits:
    """Return an array of packed bytes that nobody else can write to by another name."""
    if isinstance(packed, bytes):
        return np.frombuffer(packed, np.uint8)
    shared = packed.flags.writeable and isinstance(packed.base, np.ndarray | bytearray | memoryview)
    return packed.copy() if shared else packed
