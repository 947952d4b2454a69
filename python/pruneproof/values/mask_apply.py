"""Applies masks to tensors in place: all of them, or none."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pruneproof import _engine
from pruneproof.errors import BadTensor
from pruneproof.values.mask_names import check_names, tensors_of
from pruneproof.values.plain import check_plain

if TYPE_CHECKING:
    import torch

    from pruneproof.values.masks import MaskSet


def apply_masks(
    masks: "MaskSet", target: "torch.nn.Module | Mapping[str, torch.Tensor]", *, gradients: bool = False
) -> None:
    """Set dead weights, or their gradients, to +0.0 in place; all is checked before anything is written.

    Raises:
        BadTensor: a mask without a tensor, or a tensor that cannot be masked.
    """
    chosen: dict[str, torch.Tensor] = {}
    for name, tensor in maskable_tensors(masks, target).items():
        if not gradients:
            chosen[name] = tensor
        elif tensor.grad is not None:
            chosen[name] = _maskable(f"{name} (gradient)", tensor.grad, masks.shapes[name])
    words = {name: _words(name, tensor) for name, tensor in chosen.items()}
    for name, each in words.items():
        _write(masks, name, chosen[name], each)


def unpacked(masks: "MaskSet", name: str, device: "torch.device | str") -> "torch.Tensor":
    """Return a mask as a bool tensor; the bits travel to the device packed."""
    import torch

    if torch.device(device).type == "cpu":
        return masks[name]
    packed = torch.from_numpy(masks.packed(name).copy()).to(device)
    flat = (packed.unsqueeze(1) >> torch.arange(8, device=device, dtype=torch.uint8)) & 1
    return flat.reshape(-1)[: masks.size(name)].reshape(masks.shapes[name]).bool()


def maskable_tensors(
    masks: "MaskSet", target: "torch.nn.Module | Mapping[str, torch.Tensor]"
) -> dict[str, "torch.Tensor"]:
    """Return the tensors of a module or mapping to which masks can be applied in place.

    Raises:
        BadTensor: a mask without a tensor, or a tensor that cannot be masked.
    """
    known = tensors_of(target)
    check_names(masks, known)
    return {name: _maskable(name, known[name], shape) for name, shape in masks.shapes.items()}


def _maskable(name: str, tensor: Any, shape: tuple[int, ...]) -> "torch.Tensor":
    """Return a tensor to which a mask of `shape` can be applied in place; an array of NumPy as one that shares memory.

    Raises:
        BadTensor: it is no plain dense tensor of floats of that shape, with a place of its own for each value.
    """
    import torch

    if (
        isinstance(tensor, np.ndarray)
        and tensor.flags.writeable
        and tensor.dtype in (np.float16, np.float32, np.float64)
    ):
        tensor = torch.from_numpy(tensor)
    if not isinstance(tensor, torch.Tensor):
        raise BadTensor(
            f'"{name}" is of class {type(tensor).__name__}; a mask is applied in place to torch tensors and to '
            "writable NumPy arrays of float16, float32 or float64."
        )
    check_plain(name, tensor)
    if tuple(tensor.shape) != shape:
        raise BadTensor(f'the mask of "{name}" has shape {shape}, the tensor {tuple(tensor.shape)}.')
    if tensor.dtype not in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        raise BadTensor(
            f'"{name}" is of dtype {tensor.dtype}; a mask is applied to float16, bfloat16, float32 or float64.'
        )
    if _overlaps(tensor):
        raise BadTensor(
            f'several weights of "{name}" lie in one place (it was expanded; strides {tensor.stride()}), so they '
            "cannot be masked one by one. Pass a copy: `contiguous` or `clone`."
        )
    return tensor


def bits_of(floats: "torch.Tensor") -> "torch.Tensor":
    """Return the same memory as integers of the same width.

    Masking bits is exact and fast: a product leaves -0.0 and NaN, and `masked_fill_` is many times slower on CPUs.
    """
    import torch

    return floats.detach().view({2: torch.int16, 4: torch.int32, 8: torch.int64}[floats.element_size()])


def _overlaps(tensor: "torch.Tensor") -> bool:
    """Say whether two indices of a tensor may have one place."""
    span = 1
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size > 1:
            if stride < span:
                return True
            span = stride * (size - 1) + span
    return False


def _words(name: str, tensor: "torch.Tensor") -> Any:
    """Return the bits of a tensor, to be written: an array of NumPy where the engine can do it."""
    try:
        words = bits_of(tensor)
        if tensor.device.type != "cpu" or not tensor.is_contiguous():
            return words
        return words.reshape(-1).numpy().view(np.dtype(f"uint{8 * tensor.element_size()}"))
    except RuntimeError as problem:  # of torch, whose tensors can be stranger than any list of them
        raise BadTensor(f'"{name}" cannot be changed in place: {str(problem).splitlines()[0]}') from problem


def _write(masks: "MaskSet", name: str, tensor: "torch.Tensor", words: Any) -> None:
    import torch

    if not isinstance(words, np.ndarray):
        with torch.inference_mode(tensor.is_inference()):
            words.bitwise_and_(unpacked(masks, name, words.device).to(words.dtype).neg_())
        return
    _engine.mask_apply(masks.packed(name), words)
    if not tensor.is_inference():
        torch.autograd.graph.increment_version(tensor)
