"""How much memory a selection takes beside what was there before."""

import re
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch
from cases import Case

from pruneproof import select

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"


def extra_bytes(make: Callable[[], Case], sparsity: float) -> int | None:
    """Return by how much resident memory peaks in a selection above what it was; None where Linux does not tell.

    A process of its own measures, in which no memory lies about that others have freed.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(_extra_bytes, make, sparsity).result()


def _extra_bytes(make: Callable[[], Case], sparsity: float) -> int | None:
    select({"w": torch.randn(1_000_000)}, sparsity=sparsity)  # threads and modules are there before
    case = make()
    tensors = case.tensors()
    try:
        _CLEAR.write_text(_RESET_PEAK, encoding="ascii")
    except OSError:
        return None
    before = _kibibytes("VmRSS")
    masks = select(tensors, sparsity=sparsity)
    peak = _kibibytes("VmHWM")
    assert masks.count() == case.keep(sparsity)
    return 1024 * (peak - before)


def _kibibytes(entry: str) -> int:
    found = re.search(rf"^{entry}:\s+(\d+) kB", _STATUS.read_text(encoding="ascii"), re.MULTILINE)
    assert found is not None
    return int(found[1])
