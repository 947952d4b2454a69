"""Content digests: BLAKE3 over canonical bytes, in hexadecimal."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pruneproof import _engine

if TYPE_CHECKING:  # the command line's start-up does without numpy
    import numpy as np


def digest_bytes(content: bytes) -> str:
    """Return the BLAKE3 digest of `content`, 64 hexadecimal digits.

    >>> digest_bytes(b"")[:16]
    'af1349b9f5f9a1a6'
    """
    return _engine.blake3_hex(content)


def canonical_json(value: Any) -> str:
    """Return `value` as JSON with sorted keys, no spaces and shortest round-trip floats; NaN is refused.

    >>> canonical_json({"b": [1, 0.5], "a": None})
    '{"a":null,"b":[1,0.5]}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def digest_json(value: Any) -> str:
    """Return the digest of `value`'s canonical JSON."""
    return digest_bytes(canonical_json(value).encode())


def digest_arrays(arrays: Mapping[str, "np.ndarray[Any, Any]"]) -> str:
    """Return one digest for named arrays: names, dtypes, shapes and little-endian bytes, in name order."""
    parts = {
        name: [array.dtype.str, list(array.shape), digest_bytes(array.tobytes())] for name, array in arrays.items()
    }
    return digest_json(parts)


def digest_file(path: Path) -> str:
    """Return the digest of a file's bytes."""
    return _engine.blake3_file(str(path))
