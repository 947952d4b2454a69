"""What code of others must leave as it is: settings of torch and numpy, global generators, folder and environment."""

import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


def settings() -> dict[str, Any]:
    """Return the global settings that decide what torch and numpy compute, comparable; of what is loaded."""
    found: dict[str, Any] = {}
    if torch := sys.modules.get("torch"):
        found |= {
            "torch.get_default_dtype": torch.get_default_dtype(),
            "torch.is_grad_enabled": torch.is_grad_enabled(),
            "torch.get_num_threads": torch.get_num_threads(),
            "torch.are_deterministic_algorithms_enabled": torch.are_deterministic_algorithms_enabled(),
            "torch.is_anomaly_enabled": torch.is_anomaly_enabled(),
        }
    if numpy := sys.modules.get("numpy"):
        found["numpy.geterr"] = numpy.geterr()
    return found


def put_back(before: dict[str, Any]) -> None:
    """Set what `settings` told."""
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
    if torch and "torch.get_default_dtype" in before:
        torch.set_default_dtype(before["torch.get_default_dtype"])
        torch.set_grad_enabled(before["torch.is_grad_enabled"])
        torch.set_num_threads(before["torch.get_num_threads"])
        torch.use_deterministic_algorithms(before["torch.are_deterministic_algorithms_enabled"])
        torch.autograd.set_detect_anomaly(before["torch.is_anomaly_enabled"])
    if numpy and "numpy.geterr" in before:
        numpy.seterr(**before["numpy.geterr"])


def changes(before: dict[str, Any]) -> list[str]:
    """Return in words what of `settings` is not as it was.

    >>> changes(settings())
    []
    """
    now = settings()
    return [f"{name} from {old} to {now[name]}" for name, old in before.items() if now.get(name, old) != old]


@contextmanager
def settings_kept() -> Iterator[None]:
    """Put settings back as they were before a `with` block; quick enough for every step of a training."""
    before = settings()
    try:
        yield
    finally:
        if settings() != before:
            put_back(before)


@contextmanager
def kept(*, new_variables: bool = False) -> Iterator[None]:
    """Put settings, generators, folder and environment back as they were before a `with` block.

    Args:
        new_variables: leave environment variables that were not there before, as libraries set them when they are
            imported.

    >>> with kept():
    ...     os.environ["PRUNEPROOF_EXAMPLE"] = "1"
    >>> "PRUNEPROOF_EXAMPLE" in os.environ
    False
    """
    generators, variables = _generators(), dict(os.environ)
    folder = None
    with suppress(OSError):  # the folder that we are in may have been deleted
        folder = os.getcwd()  # noqa: PTH109 -- Path.cwd is the slower way to the same
    try:
        with settings_kept():
            yield
    finally:
        _set_generators(generators)
        if dict(os.environ) != variables:
            _put_back_variables(variables, new_variables=new_variables)
        with suppress(OSError):
            if folder is not None and os.getcwd() != folder:  # noqa: PTH109
                os.chdir(folder)


def _generators() -> tuple[Any, Any, Any]:
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
    return (
        torch.get_rng_state() if torch else None,
        numpy.random.get_state() if numpy else None,
        random.getstate(),
    )


def _set_generators(states: tuple[Any, Any, Any]) -> None:
    of_torch, of_numpy, own = states
    if of_torch is not None:
        sys.modules["torch"].set_rng_state(of_torch)
    if of_numpy is not None:
        sys.modules["numpy"].random.set_state(of_numpy)
    random.setstate(own)


def _put_back_variables(variables: dict[str, str], *, new_variables: bool) -> None:
    for name in set(os.environ) - set(variables):
        if not new_variables:
            del os.environ[name]
    for name, value in variables.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
