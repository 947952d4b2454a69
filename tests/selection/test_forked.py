"""What uses the engine's threads goes on working in a process that was forked after they had been used."""

import os
import pickle
import signal

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pruneproof import MaskSet, _engine, select
from pruneproof.checkpoints.prune import Request, prune_checkpoint

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")

LARGE = {"w": np.random.default_rng(0).standard_normal((2100, 2000), np.float32)}  # answers Ctrl-C, on other threads
MANY = {f"w{i}": np.arange(8.0) for i in range(9)}
BITS = MaskSet.from_arrays({"w": np.random.default_rng(0).random((1000, 999)) < 0.5})


def in_child(work, limit=60):
    """Return what `work` returns in a forked process, which is killed after `limit` seconds."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(limit)
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(work(), pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    assert os.waitpid(child, 0)[1] == 0, "the forked process did not answer"
    return pickle.loads(answer)


def applied():
    weights = torch.ones(1000, 999)
    BITS.apply_({"w": weights})
    return int(weights.count_nonzero())


WORK = {
    "a selection of many weights": lambda: select(LARGE, sparsity=0.5).digest(),
    "a selection of many tensors": lambda: select(MANY, sparsity=0.5).digest(),
    "tensors by themselves": lambda: select(MANY, sparsity=0.5, scope="tensor").digest(),
    "rows": lambda: select(LARGE, sparsity=0.5, scope="row").digest(),
    "groups": lambda: select(LARGE, structure="2:4").digest(),
    "blocks": lambda: select(LARGE, structure="4x4", sparsity=0.5).digest(),
    "a mask that is applied": applied,
    "survivors by row": lambda: BITS.row_counts("w").tolist(),
}


@pytest.fixture(scope="module", autouse=True)
def _threads_in_use():
    _engine.build_info()
    select(LARGE, sparsity=0.5)


@pytest.mark.parametrize("what", WORK)
def test_a_forked_process_answers_as_its_parent_does(what):
    assert in_child(WORK[what]) == WORK[what]()


def test_a_fork_of_a_fork_and_a_second_call_answer_too():
    work = WORK["a selection of many tensors"]
    assert in_child(lambda: (work(), in_child(work), work())) == (work(),) * 3


def test_a_forked_process_prunes_checkpoints(tmp_path):
    path = tmp_path / "model.safetensors"
    save_file({"w": torch.from_numpy(LARGE["w"])}, path)
    request = Request(path, None, sparsity=0.5)
    assert in_child(lambda: prune_checkpoint(request).count) == prune_checkpoint(request).count


def test_a_worker_of_a_data_loader_prunes():
    loader = torch.utils.data.DataLoader([0], num_workers=1, collate_fn=lambda _: select(LARGE, sparsity=0.5).count())
    assert list(loader) == [select(LARGE, sparsity=0.5).count()]
