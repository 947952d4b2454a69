"""Fast, steady numerics, and a probe over a small network."""

import pytest
import torch
from hypothesis import settings

settings.register_profile("zoo", max_examples=25, deadline=None, derandomize=True)
settings.load_profile("zoo")


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    torch.set_num_threads(1)
