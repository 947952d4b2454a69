"""Plain passes over memory by as many threads as the engine has: no answer comes faster than its input is read.

NumPy in threads and torch reach the memory's bandwidth, each on some machines and sizes; the yardstick is the faster.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import median
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


def beside(
    yardsticks: dict[str, Callable[[], object]],
    work: dict[str, Callable[[], object]],
    seconds: float,
    *,
    rounds: int = 9,
    clock: Callable[[], float] = perf_counter,
) -> tuple[dict[str, float], dict[str, list[float]], dict[str, list[float]]]:
    """Time each piece of work between two runs of the yardsticks, by turns, for so long and at least so many rounds.

    A quotient is a time divided by the mean of the times just before and just after of a yardstick, the one that is the
    faster then: where the memory is shared with others, its speed changes from second to second, and the least time of
    one belongs to another memory than the least time of the other. `clock` is the wall's, or `process_time` for work by
    one thread that waits for nothing: it does not count what others do on the same core.

    Returns:
        The median time of each yardstick in seconds, and the times and quotients of each piece of work, in order.
    """
    readings: dict[str, list[float]] = {name: [] for name in yardsticks}
    times: dict[str, list[float]] = {name: [] for name in work}
    quotients: dict[str, list[float]] = {name: [] for name in work}
    before = {name: _timed(read, clock) for name, read in yardsticks.items()}
    began = perf_counter()
    while len(times[next(iter(work))]) < rounds or perf_counter() - began < seconds:
        for name, each in work.items():
            times[name].append(_timed(each, clock))
            after = {name: _timed(read, clock) for name, read in yardsticks.items()}
            quotients[name].append(times[name][-1] / min((before[kind] + after[kind]) / 2 for kind in yardsticks))
            for kind, taken in after.items():
                readings[kind].append(taken)
            before = after
    return {name: median(taken) for name, taken in readings.items()}, times, quotients


def _timed(work: Callable[[], object], clock: Callable[[], float] = perf_counter) -> float:
    start = clock()
    answer = work()
    taken = clock() - start
    del answer  # not timed
    return taken


def fastest(work: dict[str, Callable[[], object]], seconds: float, *, rounds: int = 5) -> dict[str, float]:
    """Return the least time of each, in seconds: all by turns, for so long and at least so many rounds."""
    least = dict.fromkeys(work, float("inf"))
    began, done = perf_counter(), 0
    while done < rounds or perf_counter() - began < seconds:
        for name, each in work.items():
            least[name] = min(least[name], _timed(each))
        done += 1
    return least
