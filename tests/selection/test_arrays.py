"""Tensors of other libraries and other kinds: ranked, or refused by name."""

import os

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Shard

from pruneproof import MaskSet, select
from pruneproof.errors import BadTensor
from pruneproof.selection.arrays import taken


class ByArray:
    """An array of another library that NumPy can read."""

    def __init__(self, values):
        self._values = np.asarray(values, np.float32)
        self.dtype, self.shape = self._values.dtype, self._values.shape

    def __array__(self, dtype=None, copy=None):
        return self._values


class ByDlpack:
    """An array of another library that can be read by DLPack alone."""

    def __init__(self, values):
        self._values = torch.tensor(values)

    def __dlpack__(self, **how):
        return self._values.__dlpack__(**how)

    def __dlpack_device__(self):
        return self._values.__dlpack_device__()


class ByEither(ByArray):
    """An array whose DLPack does not work, as of a device that torch does not have."""

    def __dlpack__(self, **how):
        raise BufferError("no such device")


@pytest.mark.parametrize("array", [ByArray, ByDlpack, ByEither])
def test_arrays_of_other_libraries_are_ranked(array):
    given = {"w": array([3.0, 1.0, 2.0, 4.0])}
    assert select(given, keep=2)["w"].tolist() == [True, False, False, True]
    slopes = {"w": array([0.0, 4.0, 3.0, 0.0])}
    assert select(given, keep=2, score="sensitivity", gradients=slopes)["w"].tolist() == [False, True, True, False]


def test_the_bfloat16_of_ml_dtypes_is_torch_s():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    array = np.array([[3.0, 1.0], [2.0, 4.0]], ml_dtypes.bfloat16)
    found = taken({"w": array})["w"]
    assert (found.dtype, found.tolist()) == (torch.bfloat16, [[3.0, 1.0], [2.0, 4.0]])


@pytest.mark.parametrize("other", [[1.0], (1.0,), None, "w", 1.0, object()], ids=lambda each: type(each).__name__)
def test_what_is_no_array_is_refused_by_its_class(other):
    with pytest.raises(
        BadTensor, match=f'"w" is of class {type(other).__name__}, which cannot be ranked. Pass a torch'
    ):
        select({"w": other, "v": torch.ones(2)}, keep=1)


class Wrapper(torch.Tensor):
    """A tensor that holds its values in another one, as libraries of quantisation do."""

    @staticmethod
    def __new__(cls, inner):
        return torch.Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype)

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        raise NotImplementedError


def fake():
    with FakeTensorMode():
        return torch.ones(4)


NOT_PLAIN = {
    "meta": (lambda: torch.ones(4, device="meta"), '"w" is on the device meta and has no values'),
    "fake": (fake, '"w" is a FakeTensor, which has a shape and no values'),
    "wrapper": (lambda: Wrapper(torch.ones(4)), '"w" is of class Wrapper, whose values are not plain memory'),
    "nested": (lambda: torch.nested.nested_tensor([torch.ones(1), torch.ones(3)]), '"w" is a nested tensor'),
    "quantised": (
        lambda: torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.qint8),
        r'"w" is quantised \(torch.qint8\). Prune before it is quantised',
    ),
    "sparse": (lambda: torch.ones(4).to_sparse(), '"w" has the layout torch.sparse_coo'),
    "eight bits": (lambda: torch.ones(4).to(torch.float8_e5m2), '"w" is of dtype float8_e5m2'),
    "lazy": (torch.nn.UninitializedParameter, '"w" has no values yet. Run a batch'),
}


@pytest.mark.parametrize("case", NOT_PLAIN)
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("how", [{}, {"scope": "tensor"}, {"scope": "row"}, {"structure": "1x1"}], ids=str)
def test_what_is_no_plain_memory_is_refused_by_name(case, how):
    make, message = NOT_PLAIN[case]
    with pytest.raises(BadTensor, match=message):
        select({"v": torch.ones(4), "w": make()}, sparsity=0.5, **how)


def test_a_tensor_within_a_transform_is_refused_by_name():
    with pytest.raises(BadTensor, match='"w" cannot be read'):
        torch.vmap(lambda weight: select({"w": weight}, keep=1))(torch.ones(2, 3))


def refusal_of(act):
    with pytest.raises(BadTensor) as refusal:
        act()
    return str(refusal.value)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_sharded_tensor_is_refused_with_what_to_use(tmp_path):
    child = os.fork()  # process groups are global to a process
    if not child:
        try:
            dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
            sharded = DTensor.from_local(torch.ones(2, 2), init_device_mesh("cpu", (1,)), [Shard(0)])
            said = [refusal_of(lambda: select({"fc.weight": sharded}, keep=1))]
            said.append(refusal_of(lambda: MaskSet.dense({"fc.weight": (2, 2)}).apply_({"fc.weight": sharded})))
            (tmp_path / "said").write_text("\n".join(said))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    for said in (tmp_path / "said").read_text().split("\n"):
        assert said.startswith('"fc.weight" is a DTensor')
        assert "pruneproof.distributed" in said
