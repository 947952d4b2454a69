"""Exchanges among the processes of a group, in which the failure of one is the failure of all."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from pruneproof.errors import BadConfig, PruneproofError, StageFailed

T = TypeVar("T")


class Exchange:
    """Exchanges among processes, in which the failure of one is the failure of all."""

    def __init__(self, group: dist.ProcessGroup | None) -> None:
        if not dist.is_available() or not dist.is_initialized():
            raise BadConfig(
                "there is no process group. Call torch.distributed.init_process_group on each process first."
            )
        self._group, self._rank, self._size = group, dist.get_rank(group), dist.get_world_size(group)
        if self._rank < 0:
            raise BadConfig("this process is no member of the group. Call it from the group's members only.")
        takes_cpu = any(name in dist.get_backend(group) for name in ("gloo", "mpi", "cpu"))
        self._device = torch.device("cpu" if takes_cpu else f"cuda:{torch.cuda.current_device()}")

    def gather(self, local: Callable[[], T]) -> list[T]:
        """Return the answers of all, in the order of the ranks."""
        answer, problem = _attempt(local)
        answers: list[tuple[T | None, Any]] = [(None, None)] * self._size
        self._exchange(partial(dist.all_gather_object, answers, (answer, _told(problem)), self._group))
        self._raise_first([told for _, told in answers], problem)
        return [each for each, _ in answers if each is not None]

    def sum(self, local: Callable[[], torch.Tensor], length: int) -> list[int]:
        """Return the sum over all processes of what `local` counts in `length` places."""
        counts, problem = _attempt(local)
        buffer = torch.zeros(length + 1, dtype=torch.int64, device=self._device)
        if counts is None:
            buffer[length] = 1
        else:
            buffer[:length] = counts
        self._exchange(partial(dist.all_reduce, buffer, group=self._group))
        *total, failed = buffer.tolist()
        if failed:
            told: list[Any] = [None] * self._size
            self._exchange(partial(dist.all_gather_object, told, _told(problem), self._group))
            self._raise_first(told, problem)
        return total

    def all_or_none(self, local: Callable[[], T]) -> T:
        """Return what `local` returns here, if it succeeds on all processes."""
        made: list[T] = []

        def make() -> torch.Tensor:
            made.append(local())
            return torch.zeros(0, dtype=torch.int64)

        self.sum(make, 0)
        return made[0]

    def _exchange(self, collective: Callable[[], object]) -> None:
        try:
            collective()
        except (RuntimeError, ValueError) as problem:
            raise StageFailed(
                f"the exchange of counts between {self._size} processes failed on rank {self._rank}: "
                f"{str(problem).splitlines()[0]}. Look for a process that died or did not call."
            ) from problem

    def _raise_first(self, told: list[tuple[type[PruneproofError], str] | None], mine: Exception | None) -> None:
        for rank, failure in enumerate(told):
            if failure is not None:
                kind, text = failure
                raise kind(f"rank {rank} of {self._size}: {text}") from mine


def _attempt(local: Callable[[], T]) -> tuple[T | None, Exception | None]:
    try:
        return local(), None
    except Exception as problem:  # whatever it is, the others wait for an answer
        return None, problem


def _told(problem: Exception | None) -> tuple[type[PruneproofError], str] | None:
    """Return a failure as all processes can raise it."""
    if problem is None:
        return None
    if isinstance(problem, PruneproofError):
        return type(problem), str(problem)
    return StageFailed, f"{type(problem).__name__}: {problem}"
