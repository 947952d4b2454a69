"""Named streams of randomness, each derived from the run's seed alone.

An epoch's order or augmentation is a function of (seed, stream, phase, epoch). A resumed run therefore needs no
generator state, and drawing more from one stream cannot shift another.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Literal

import torch

Stream = Literal[
    "init", "order", "augment", "criterion", "dropout", "validation", "update", "search", "transform", "metric"
]


def stream_seed(seed: int, name: Stream, *more: str | int) -> int:
    """Return the seed in [0, 2^63) of a stream of the run `seed`; `more` names the occasion, e.g. phase and epoch.

    The first 63 bits of BLAKE2b over the parts as JSON, which tells 1 from "1" and ("a", "b") from ("ab",).

    >>> stream_seed(0, "order", "dense", 3) == stream_seed(0, "order", "dense", 3)
    True
    >>> stream_seed(0, "order", "dense", 3) == stream_seed(0, "augment", "dense", 3)
    False
    """
    parts = json.dumps([seed, name, *more]).encode()
    return int.from_bytes(hashlib.blake2b(parts, digest_size=8).digest()) >> 1


def stream(seed: int, name: Stream, *more: str | int) -> torch.Generator:
    """Return a fresh generator on the CPU, seeded with `stream_seed` of the same arguments.

    >>> first, again = stream(0, "init"), stream(0, "init")
    >>> torch.equal(torch.rand(3, generator=first), torch.rand(3, generator=again))
    True
    """
    return torch.Generator().manual_seed(stream_seed(seed, name, *more))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's global generators, CPU and CUDA, for the length of a `with` block, and restore them after it.

    For code that takes no generator: weight initialisation and dropout.

    >>> with seeded(3):
    ...     first = torch.rand(2)
    >>> with seeded(3):
    ...     torch.equal(first, torch.rand(2))
    True
    """
    devices = _cuda_devices()
    with torch.random.fork_rng(devices=devices):
        # As torch.manual_seed, which would queue work (and a stack trace) for devices that are not there.
        torch.default_generator.manual_seed(seed)
        if devices:
            torch.cuda.manual_seed_all(seed)
        yield


@cache
def _cuda_devices() -> list[int]:
    """Return the numbers of the GPUs; asking loads the driver's library every time, so it is asked once."""
    return list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
