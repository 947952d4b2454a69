"""One memory under two names is one weight."""

import numpy as np
import pytest
import torch
from torch import nn

from pruneproof import select
from pruneproof.errors import BadTensor
from pruneproof.selection.memory import aliases, places


def test_the_same_places_are_the_same_in_whatever_order_and_shape():
    weight = torch.randn(4, 6, 2)
    same = [weight.detach(), weight.permute(2, 0, 1), weight.reshape(-1), weight.view(8, 6), nn.Parameter(weight)]
    assert {places(each) for each in same} == {places(weight)}
    others = [weight.clone(), weight[:2], weight[:, 1:], weight[::2], torch.zeros(0), torch.ones(1).expand(48)]
    assert len({places(each) for each in others} | {places(weight)}) == 1 + len(others)
    array = np.ones((3, 4))
    assert places(array) == places(array.T) == places(array[::-1]) == places(torch.from_numpy(array))


@pytest.mark.parametrize(
    "tie", [lambda w: w, lambda w: w.T, lambda w: w.detach().numpy()], ids=["same", "turned", "numpy"]
)
@pytest.mark.filterwarnings("ignore:.*not contiguous")
def test_a_mapping_ranks_one_memory_once_and_says_so(tie):
    weight = 10 + torch.rand(10, 10)
    tensors = {"head": tie(weight), "middle": torch.rand(10, 10), "embed": weight}
    with pytest.warns(UserWarning, match=r"one memory, ranked under its first name: head \(the memory of embed\)"):
        masks = select(tensors, sparsity=0.5)
    assert (list(masks), masks.count("embed"), masks.count()) == (["embed", "middle"], 100, 100)


def test_a_tied_state_dict_keeps_the_count_that_was_asked_for():
    model = nn.ModuleDict({"embed": nn.Embedding(10, 10), "head": nn.Linear(10, 10, bias=False)})
    model["head"].weight = model["embed"].weight
    with pytest.warns(UserWarning, match="head.weight"):
        masks = select(model.state_dict(), keep=30)
    masks.apply_(model)
    assert int(model["head"].weight.count_nonzero()) == 30


def test_a_module_whose_weights_are_each_other_turned_ranks_them_once():
    coder = nn.Sequential(nn.Linear(6, 3), nn.Linear(3, 6))
    coder[1].weight = nn.Parameter(coder[0].weight.data.T)
    masks = select(coder, keep=5)
    assert list(masks) == ["0.weight"]
    masks.apply_(coder)
    assert int(coder[1].weight.count_nonzero()) == 5


def test_an_exempt_name_exempts_the_memory():
    weight = torch.ones(2, 2)
    masks = select({"a": weight, "b": weight, "c": torch.ones(3)}, keep=1, unprunable="b")
    assert (masks.count("a"), masks.count("b"), masks.count("c")) == (4, 4, 1)


def test_scores_are_no_weights_and_may_be_one_memory():
    ones = torch.ones(2)
    assert select({"a": ones, "b": ones}, keep=3, score="given").count() == 3


def test_parts_that_overlap_are_refused_and_parts_beside_each_other_are_not():
    whole = torch.randn(6, 4)
    query, key = whole.chunk(2)
    assert select({"query": query, "key": key}, keep=5).count() == 5
    with pytest.raises(BadTensor, match=r'"whole" and "query" share a part|"query" and "whole" share a part'):
        select({"query": query, "whole": whole}, keep=5)
    left, right = whole[:, :2], whole[:, 2:]
    with pytest.warns(UserWarning, match="not contiguous"):
        assert select({"left": left, "right": right}, keep=5).count() == 5


def test_distinct_tensors_have_no_aliases():
    assert aliases({str(place): torch.ones(3, 3) for place in range(9)}) == {}
    assert aliases({"none": torch.zeros(0), "nowhere": torch.zeros(0, 2), "lazy": torch.ones(2, device="meta")}) == {}
