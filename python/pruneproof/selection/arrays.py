"""Tensors as the engine wants them: flat, contiguous, on the CPU, all of one dtype."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray

from pruneproof.errors import BadTensor

Dtype = Literal["float16", "bfloat16", "float32", "float64"]
Array = NDArray[Any]
Tensor = torch.Tensor | Array

_ALLOWED = ("float16", "bfloat16", "float32", "float64")


@dataclass(frozen=True)
class Flat:
    """Named tensors of one dtype, each flat in C order."""

    arrays: dict[str, Array]
    """bfloat16 is held as its uint16 bits, since numpy has no such dtype."""
    shapes: dict[str, tuple[int, ...]]
    dtype: Dtype

    def numbers(self) -> dict[str, Array]:
        """Return the arrays as numbers that numpy can compare: bfloat16 widened to float32."""
        if self.dtype != "bfloat16":
            return self.arrays
        return {name: (bits.astype(np.uint32) << 16).view(np.float32) for name, bits in self.arrays.items()}


def flatten(tensors: Mapping[str, Tensor]) -> Flat:
    """Flatten torch or numpy tensors, without a copy where they are contiguous and on the CPU already.

    Tensors of different dtypes are all widened to float64, which is exact.

    >>> flat = flatten({"w": np.eye(2, dtype=np.float32), "v": torch.ones(1, dtype=torch.bfloat16)})
    >>> flat.dtype, flat.arrays["w"].tolist(), flat.shapes
    ('float64', [1.0, 0.0, 0.0, 1.0], {'w': (2, 2), 'v': (1,)})

    Raises:
        BadTensor: a tensor that is not of a floating-point dtype that can be ranked.
    """
    dtypes = {_dtype(name, tensor) for name, tensor in tensors.items()}
    dtype = dtypes.pop() if len(dtypes) == 1 else "float64"
    return Flat(
        arrays={name: _flat(tensor, dtype) for name, tensor in tensors.items()},
        shapes={name: tuple(tensor.shape) for name, tensor in tensors.items()},
        dtype=dtype,
    )


def _dtype(name: str, tensor: Tensor) -> Dtype:
    found = str(getattr(tensor, "dtype", type(tensor).__name__)).removeprefix("torch.").lstrip("<>=")
    plain = {"f2": "float16", "f4": "float32", "f8": "float64"}.get(found, found)
    if not isinstance(tensor, torch.Tensor | np.ndarray) or plain not in _ALLOWED:
        raise BadTensor(f'"{name}" is of dtype {found}, which cannot be ranked. Allowed: {", ".join(_ALLOWED)}.')
    return cast("Dtype", plain)


def _flat(tensor: Tensor, dtype: Dtype) -> Array:
    if isinstance(tensor, np.ndarray):
        return np.ascontiguousarray(tensor, dtype=dtype).reshape(-1)
    flat = tensor.detach().to("cpu", getattr(torch, dtype)).contiguous().reshape(-1)
    return (flat.view(torch.uint16) if dtype == "bfloat16" else flat).numpy()
