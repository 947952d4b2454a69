"""What a method must leave alone: the global random generators and settings of the process."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def generator_states() -> dict[str, bytes]:
    """Return the states of the global generators of torch, numpy and random, comparable."""
    return {
        "torch": torch.get_rng_state().numpy().tobytes(),
        "numpy": repr(_numpy_state()).encode(),
        "random": repr(random.getstate()).encode(),
    }


def settings() -> dict[str, Any]:
    """Return the global settings that decide what torch and numpy compute, comparable."""
    return {
        "torch.get_default_dtype": torch.get_default_dtype(),
        "torch.is_grad_enabled": torch.is_grad_enabled(),
        "torch.get_num_threads": torch.get_num_threads(),
        "torch.are_deterministic_algorithms_enabled": torch.are_deterministic_algorithms_enabled(),
        "torch.is_anomaly_enabled": torch.is_anomaly_enabled(),
        "numpy.geterr": np.geterr(),
    }


@contextmanager
def kept() -> Iterator[None]:
    """Seed the global generators for the length of a `with` block; put them and the settings back after it."""
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()
    before = settings()
    try:
        torch.default_generator.manual_seed(0)  # torch.manual_seed also queues work for devices, which is slow
        np.random.seed(0)
        random.seed(0)
        yield
    finally:
        if settings() != before:
            _set(before)
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])
        random.setstate(states[2])


def stir() -> None:
    """Move every global generator, so that who draws from one draws something else."""
    torch.rand(3)
    np.random.rand(3)
    random.random()


def _set(before: dict[str, Any]) -> None:
    torch.set_default_dtype(before["torch.get_default_dtype"])
    torch.set_grad_enabled(before["torch.is_grad_enabled"])
    torch.set_num_threads(before["torch.get_num_threads"])
    torch.use_deterministic_algorithms(before["torch.are_deterministic_algorithms_enabled"])
    torch.autograd.set_detect_anomaly(before["torch.is_anomaly_enabled"])
    np.seterr(**before["numpy.geterr"])


def _numpy_state() -> tuple[Any, ...]:
    name, keys, *rest = np.random.get_state(legacy=True)
    return (name, keys.tobytes(), *rest)  # type: ignore[union-attr]
