"""Plain passes over memory by as many threads as the engine has: no answer comes faster than its input is read.

NumPy in threads and torch reach the memory's bandwidth, each on some machines and sizes; the yardstick is the faster.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray

from pruneproof import _engine

THREADS = int(_engine.build_info()["threads"])
_POOL = ThreadPoolExecutor(THREADS)
_PIECES = 8 * THREADS


def reads(memory: torch.Tensor) -> dict[str, Callable[[], object]]:
    """Return what reads a tensor's memory once: the largest of its words of 64 bits."""
    words = memory.view(torch.int64)
    pieces = np.array_split(words.numpy(), _PIECES)
    return {
        "read by numpy": lambda: max(_POOL.map(np.maximum.reduce, pieces)),
        "read by torch": lambda: words.amax(),
    }


def changes(memory: torch.Tensor) -> dict[str, Callable[[], object]]:
    """Return what reads and writes a tensor's memory once: its bits, inverted."""
    words = memory.view(torch.int64)
    pieces = np.array_split(words.numpy(), _PIECES)

    def invert(piece: NDArray[np.int64]) -> None:
        np.invert(piece, out=piece)

    return {
        "change by numpy": lambda: list(_POOL.map(invert, pieces)),
        "change by torch": lambda: words.bitwise_not_(),
    }


def fastest(work: dict[str, Callable[[], object]], seconds: float, *, rounds: int = 5) -> dict[str, float]:
    """Return the least time of each, in seconds: all by turns, for so long and at least so many rounds."""
    least = dict.fromkeys(work, float("inf"))
    began, done = perf_counter(), 0
    while done < rounds or perf_counter() - began < seconds:
        for name, each in work.items():
            start = perf_counter()
            answer = each()
            least[name] = min(least[name], perf_counter() - start)
            del answer
        done += 1
    return least
