"""What a method must leave alone: the global random generators and settings of the process."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from pruneproof.values.surroundings import put_back, settings


def generator_states() -> dict[str, bytes]:
    """Return the states of the global generators of torch, numpy and random, comparable."""
    return {
        "torch": torch.get_rng_state().numpy().tobytes(),
        "numpy": repr(_numpy_state()).encode(),
        "random": repr(random.getstate()).encode(),
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
            put_back(before)
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])
        random.setstate(states[2])


def stir() -> None:
    """Move every global generator, so that who draws from one draws something else."""
    torch.rand(3)
    np.random.rand(3)
    random.random()


def _numpy_state() -> tuple[Any, ...]:
    name, keys, *rest = np.random.get_state(legacy=True)
    return (name, keys.tobytes(), *rest)  # type: ignore[union-attr]
