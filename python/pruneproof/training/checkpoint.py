"""Tensors on disk: safetensors files, written atomically, read with one clear message; and unfinished work."""

import json
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from pruneproof.errors import StoreCorrupt
from pruneproof.values.digests import digest_bytes
from pruneproof.values.files import discard, replacing
from pruneproof.values.opening import opened, parse_json

_LOG = logging.getLogger(__name__)
_DIGEST = "digest"
SAVE_SECONDS = 10.0
"""Unfinished work is saved about so often: what a kill can cost, beside the epoch that it falls into."""


def save_tensors(path: Path, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors and JSON `facts` to one file; a reader sees the old content or the new, never a part."""
    # copies, because the library refuses tensors that share memory (tied weights)
    contiguous = {
        name: each.detach().cpu().clone(memory_format=torch.contiguous_format) for name, each in tensors.items()
    }
    with replacing(path) as draft:
        try:
            save_file(contiguous, draft, metadata={"facts": json.dumps(facts)})
        except SafetensorError as problem:  # the library wraps the system's refusal in its own class
            raise OSError(str(problem)) from problem


def load_tensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return what `save_tensors` wrote.

    Raises:
        StoreCorrupt: the file is missing, truncated or of another format.
    """
    try:
        with opened(path, inside=path.parent), safe_open(path, framework="pt") as file:
            facts: dict[str, Any] = dict(parse_json((file.metadata() or {})["facts"].encode()))
            return {name: file.get_tensor(name) for name in file.keys()}, facts  # noqa: SIM118 -- not a mapping
    except (OSError, SafetensorError, LookupError, ValueError, TypeError, AttributeError, RuntimeError) as problem:
        raise StoreCorrupt(
            f"checkpoint {path} cannot be read: {problem}. Delete it and run again to make it anew."
        ) from problem


def save_progress(path: Path, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]) -> None:
    """Write the state of unfinished work with a digest over all of it; the state before is kept beside it."""
    if path.is_file():
        path.replace(_before(path))
    save_tensors(path, tensors, {**facts, _DIGEST: _digest(tensors, facts)})


class SaveClock:
    """Says when so much time has passed since the last save that the next one is worth its while.

    >>> SaveClock(3600.0).is_due(), SaveClock(0.0).is_due()
    (False, True)
    """

    def __init__(self, seconds: float) -> None:
        """Begin to count."""
        self._seconds = seconds
        self._last = time.monotonic()

    def is_due(self) -> bool:
        """Say whether to save now; if so, begin to count again."""
        now = time.monotonic()
        due = now - self._last >= self._seconds
        if due:
            self._last = now
        return due


def load_progress(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
    """Return the last state that `save_progress` wrote and that is undamaged; None where there is none.

    A damaged file is deleted with a warning; the work then goes on from the state before, or from the beginning.
    """
    for place in (path, _before(path)):
        if not os.path.lexists(place):
            continue
        try:
            tensors, facts = load_tensors(place)
            if facts.pop(_DIGEST, None) == _digest(tensors, facts):
                return tensors, facts
            problem = "its content is not what was written"
        except StoreCorrupt as found:
            problem = str(found.__cause__)
        discard(place)
        _LOG.warning(
            "checkpoint %s is damaged (%s) and was deleted; the work goes on from an earlier epoch.", place, problem
        )
    return None


def _before(path: Path) -> Path:
    return path.with_name(f"{path.stem}.before{path.suffix}")


def _digest(tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]) -> str:
    """Return the digest of names, dtypes, shapes and bytes of tensors, and of facts."""
    parts = {
        name: [str(each.dtype), list(each.shape), digest_bytes(_bytes(each))] for name, each in sorted(tensors.items())
    }
    return digest_bytes(json.dumps([parts, facts]).encode())


def _bytes(tensor: torch.Tensor) -> bytes:
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def pack_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """Return the optimizer's state as tensors named `optimizer/<parameter index>/<key>`."""
    state: dict[int, dict[str, Any]] = optimizer.state_dict()["state"]
    return {
        f"optimizer/{index}/{key}": value if torch.is_tensor(value) else torch.tensor(value)
        for index, of_parameter in state.items()
        for key, value in of_parameter.items()
        if value is not None
    }


def unpack_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]) -> None:
    """Put state written by `pack_optimizer` back into a fresh optimizer over the same parameters."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer/"):
            _, index, key = name.split("/")
            state.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def forget(optimizer: torch.optim.Optimizer, parameter: torch.Tensor, where: torch.Tensor) -> None:
    """Set an optimizer's state of some elements of a parameter to zero, as if they had just been made.

    >>> weight = torch.nn.Parameter(torch.ones(2))
    >>> sgd = torch.optim.SGD([weight], 0.1, momentum=0.9)
    >>> weight.grad = torch.ones(2)
    >>> _ = sgd.step()
    >>> forget(sgd, weight, torch.tensor([True, False]))
    >>> sgd.state[weight]["momentum_buffer"].tolist()
    [0.0, 1.0]
    """
    for value in optimizer.state.get(parameter, {}).values():
        if torch.is_tensor(value) and value.shape == parameter.shape:
            value.masked_fill_(where, 0.0)
