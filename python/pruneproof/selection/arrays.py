"""Tensors as the engine wants them: flat, contiguous, on the CPU, all of one dtype."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Literal

import numpy as np
import torch
import torch.utils.dlpack
from numpy.typing import NDArray

from pruneproof.errors import BadTensor
from pruneproof.values.plain import check_plain

Dtype = Literal["float16", "bfloat16", "float32", "float64"]
Array = NDArray[Any]
Tensor = torch.Tensor | Array

_KINDS = (torch.Tensor, np.ndarray)
_PLAIN = {torch.Tensor, torch.nn.Parameter}
_ALLOWED = ("float16", "bfloat16", "float32", "float64")
_DTYPES: dict[Any, Dtype] = {
    torch.float16: "float16",
    torch.bfloat16: "bfloat16",
    torch.float32: "float32",
    torch.float64: "float64",
    np.dtype(np.float16): "float16",
    np.dtype(np.float32): "float32",
    np.dtype(np.float64): "float64",
}


@dataclass(frozen=True)
class Flat:
    """Named tensors of one dtype, each flat in C order."""

    arrays: dict[str, Array]
    """bfloat16 is held as its uint16 bits, since numpy has no such dtype."""
    shapes: dict[str, tuple[int, ...]]
    dtype: Dtype

    def numbers(self) -> dict[str, Array]:
        """Return the arrays as numbers that numpy can compare: bfloat16 widened to float32."""
        return {name: numbers(array, self.dtype) for name, array in self.arrays.items()}


def numbers(array: Array, dtype: Dtype) -> Array:
    """Return an array as numbers that numpy can compare: the bits of bfloat16 widened to float32.

    >>> numbers(np.array([0x3F80], dtype=np.uint16), "bfloat16").tolist()
    [1.0]
    """
    return (array.astype(np.uint32) << 16).view(np.float32) if dtype == "bfloat16" else array


def taken(tensors: Mapping[str, Any]) -> Mapping[str, Tensor]:
    """Return the tensors as those of torch or NumPy: arrays of other libraries by `__dlpack__` or `__array__`.

    >>> taken({"w": np.float32(2)})
    {'w': array(2., dtype=float32)}

    Raises:
        BadTensor: one of a class that has neither, or that is not plain memory.
    """
    if set(map(type, tensors.values())) <= _PLAIN:
        return tensors
    return {name: _taken(name, tensor) for name, tensor in tensors.items()}


def _taken(name: str, tensor: Any) -> Tensor:
    if isinstance(tensor, torch.Tensor):
        check_plain(name, tensor)
        return tensor
    if not isinstance(tensor, np.ndarray):
        tensor = _exchanged(name, tensor)
    if isinstance(tensor, np.ndarray) and tensor.dtype.name == "bfloat16":  # of ml_dtypes, which torch has as its own
        return torch.from_numpy(np.ascontiguousarray(tensor).view(np.uint16)).view(torch.bfloat16)
    found: Tensor = tensor
    return found


def _exchanged(name: str, array: Any) -> Tensor:
    """Return what another library's array holds."""
    for protocol, exchange in (("__dlpack__", torch.utils.dlpack.from_dlpack), ("__array__", np.asarray)):
        if hasattr(array, protocol):
            with suppress(BufferError, RuntimeError, TypeError, ValueError, AttributeError):  # the next may do
                found: Tensor = exchange(array)
                return found
    raise BadTensor(
        f'"{name}" is of class {type(array).__name__}, which cannot be ranked. Pass a torch tensor or an array, as '
        "numpy.asarray(..., dtype=numpy.float32) makes one."
    )


def flatten(tensors: Mapping[str, Tensor]) -> Flat:
    """Flatten torch or numpy tensors, without a copy where they are contiguous and on the CPU already.

    Tensors of different dtypes are all widened to float64, which is exact.

    >>> flat = flatten({"w": np.eye(2, dtype=np.float32), "v": torch.ones(1, dtype=torch.bfloat16)})
    >>> flat.dtype, flat.arrays["w"].tolist(), flat.shapes
    ('float64', [1.0, 0.0, 0.0, 1.0], {'w': (2, 2), 'v': (1,)})

    Raises:
        BadTensor: a tensor that is not of a floating-point dtype that can be ranked, or not dense.
    """
    dtype = common_dtype(tensors)
    return Flat(
        arrays={name: flat(name, tensor, dtype) for name, tensor in tensors.items()},
        shapes={name: tuple(tensor.shape) for name, tensor in tensors.items()},
        dtype=dtype,
    )


def common_dtype(tensors: Mapping[str, Tensor], *others: Mapping[str, Tensor]) -> Dtype:
    """Return the dtype in which all tensors are ranked: their own, or float64 where they differ.

    Where all have the same dtype, they are not looked at further; `dtype_of` refuses what is no dense tensor.

    >>> common_dtype({"w": torch.ones(1), "v": torch.ones(1, dtype=torch.float16)})
    'float64'

    Raises:
        BadTensor: a tensor that cannot be ranked.
    """
    every = [tensor for each in (tensors, *others) for tensor in each.values()]
    with suppress(AttributeError, TypeError):  # of what is no tensor, which is refused below
        found = set(map(attrgetter("dtype"), every))
        if len(found) == 1 and (only := _DTYPES.get(found.pop())):
            return only
    dtypes = {dtype_of(name, tensor) for each in (tensors, *others) for name, tensor in each.items()}
    return dtypes.pop() if len(dtypes) == 1 else "float64"


def dtype_of(name: str, tensor: Tensor) -> Dtype:
    """Return the dtype of a tensor that can be ranked.

    >>> dtype_of("w", torch.ones(1))
    'float32'

    Raises:
        BadTensor: no tensor, one of another dtype, or one that is not dense.
    """
    if not isinstance(tensor, _KINDS):
        raise BadTensor(f'"{name}" is of class {type(tensor).__name__}; a torch tensor or a NumPy array was expected.')
    if isinstance(tensor, torch.Tensor):
        check_plain(name, tensor)
    if tensor.dtype not in _DTYPES:
        raise BadTensor(
            f'"{name}" is of dtype {str(tensor.dtype).removeprefix("torch.")}, which cannot be ranked. Allowed: '
            f"{', '.join(_ALLOWED)}. Convert it, or name it in `unprunable`."
        )
    return _DTYPES[tensor.dtype]


def flat(name: str, tensor: Tensor, dtype: Dtype) -> Array:
    """Return the values of a tensor as a flat array of `dtype`, a copy only where one is needed.

    Raises:
        BadTensor: a tensor that cannot be ranked.
    """
    dtype_of(name, tensor)
    if isinstance(tensor, np.ndarray):
        return np.require(tensor, dtype, ["C", "ALIGNED"]).reshape(-1)
    try:
        return _flat(tensor, dtype)
    except RuntimeError as problem:  # of torch, whose tensors can be stranger than any list of them
        raise BadTensor(f'"{name}" cannot be read: {str(problem).splitlines()[0]}') from problem


def _flat(tensor: torch.Tensor, dtype: Dtype) -> Array:
    if not tensor.is_cpu:
        tensor = _to_cpu(tensor)
    if _DTYPES[tensor.dtype] != dtype:
        tensor = tensor.detach().to(getattr(torch, dtype))
    elif dtype == "bfloat16":
        tensor = tensor.detach().view(torch.uint16)
    array: Array = tensor.contiguous().numpy(force=True)
    return np.require(array, requirements=["ALIGNED"]).reshape(-1)


def _to_cpu(tensor: torch.Tensor) -> torch.Tensor:
    """Bring a tensor here; through page-locked memory where that is faster."""
    if tensor.device.type != "cuda":
        return tensor.cpu()
    here = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    return here.copy_(tensor.detach())
