"""Masks attached to an optimizer keep dead weights at +0.0 through whatever trains the others."""

import copy
import io

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import swa_utils

from pruneproof import select
from pruneproof.errors import BadConfig, BadTensor
from pruneproof.values.attached import Attached
from pruneproof.values.masks import MaskSet


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


def batch(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(16, 6, generator=generator), torch.randint(3, (16,), generator=generator)


def loss_of(model, seed=0):
    x, y = batch(seed)
    return F.cross_entropy(model(x), y)


def train(model, optimizer, steps=3):
    for step in range(steps):
        optimizer.zero_grad()
        loss_of(model, step).backward()
        optimizer.step()


def assert_kept(masks, model, prefix=""):
    """Check that dead weights are +0.0, bit by bit, and that nearly all others are not."""
    for name, mask in masks.items():
        weight = model.get_parameter(prefix + name).detach()
        assert not weight[~mask].view(torch.int32).any()
        assert weight[mask].count_nonzero() == mask.sum()


OPTIMIZERS = {
    "sgd": lambda p, **how: torch.optim.SGD(p, 0.1, momentum=0.9, weight_decay=0.01, **how),
    "nesterov": lambda p, **how: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True, **how),
    "adam": lambda p, **how: torch.optim.Adam(p, 0.01, weight_decay=0.1, **how),
    "adamw": lambda p, **how: torch.optim.AdamW(p, 0.01, weight_decay=0.1, **how),
    "rmsprop": lambda p, **how: torch.optim.RMSprop(p, 0.01, momentum=0.9, **how),
    "adagrad": lambda p, **how: torch.optim.Adagrad(p, 0.01, weight_decay=0.1, **how),
}
WAYS = [{"foreach": False}, {"foreach": True}, {"fused": True}]


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_dead_weights_stay_dead_and_others_move(name, way):
    if "fused" in way and name == "rmsprop":
        pytest.skip("has no fused form")
    model = network()
    optimizer = OPTIMIZERS[name](model.parameters(), **way)
    train(model, optimizer)  # momentum of the dense network
    masks = select(model, sparsity=0.7)
    before = copy.deepcopy(model)
    masks.attach(optimizer, model)
    assert_kept(masks, model)
    train(model, optimizer)
    assert_kept(masks, model)
    for key, mask in masks.items():
        assert (model.get_parameter(key)[mask] != before.get_parameter(key)[mask]).all()


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_a_closure_sees_masked_gradients_each_time_it_is_called(search):
    model = network()
    masks = select(model, sparsity=0.7)
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=8, line_search_fn=search)
    calls = []

    def closure():
        assert_kept(masks, model)  # at every point that the line search tries
        optimizer.zero_grad()
        loss = loss_of(model)
        loss.backward()
        calls.append(loss.item())
        return loss

    masks.attach(optimizer, model)
    optimizer.step(closure)
    optimizer.step(closure=closure)
    assert_kept(masks, model)
    assert len(calls) > 4
    assert calls[-1] < calls[0]


def test_dead_weights_enter_no_momentum():
    model = network()
    masks = select(model, sparsity=0.7)
    optimizer = torch.optim.AdamW(model.parameters())
    masks.attach(optimizer, model)
    train(model, optimizer)
    for name, mask in masks.items():
        state = optimizer.state[model.get_parameter(name)]
        assert not state["exp_avg"][~mask].any()
        assert not state["exp_avg_sq"][~mask].any()


def test_gradients_accumulate_and_are_masked_before_they_are_clipped():
    model = network()
    masks = select(model, sparsity=0.7)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    attached = masks.attach(optimizer, model)
    for seed in range(4):
        (loss_of(model, seed) / 4).backward()
    attached.mask_gradients()
    alive = [model.get_parameter(name).grad[mask] for name, mask in masks.items()]
    biases = [model[0].bias.grad, model[2].bias.grad]
    expected = torch.cat([*alive, *biases]).norm()
    torch.testing.assert_close(nn.utils.clip_grad_norm_(model.parameters(), 1e9), expected)
    optimizer.step()
    assert_kept(masks, model)


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_scaler_of_gradients_may_skip_steps(way):
    model = network()
    masks = select(model, sparsity=0.7)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.1, **way)
    masks.attach(optimizer, model)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**120)  # the first steps overflow
    scales = []
    for step in range(60):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = loss_of(model, step)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        scales.append(scaler.get_scale())
        assert_kept(masks, model)
    assert scales[-1] <= scales[0]


def test_averages_of_masked_weights_are_masked():
    model = network()
    masks = select(model, sparsity=0.7)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    masks.attach(optimizer, model)
    averaged = swa_utils.AveragedModel(model, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(0.9))
    for _ in range(3):
        train(model, optimizer, steps=1)
        averaged.update_parameters(model)
    assert_kept(masks, averaged, "module.")


def test_groups_of_parameters_and_those_of_no_optimizer_are_kept():
    model = network()
    masks = select(model, sparsity=0.7)
    groups = [{"params": [model[2].weight], "weight_decay": 0.5}, {"params": [model[0].bias], "lr": 1.0}]
    optimizer = torch.optim.AdamW(groups)
    masks.attach(optimizer, model)
    train(model, optimizer)
    assert_kept(masks, model)


def test_an_optimizer_that_knows_names_needs_no_model():
    model = network()
    masks = select(model, sparsity=0.7)
    optimizer = torch.optim.AdamW(model.named_parameters())
    masks.attach(optimizer)
    train(model, optimizer)
    assert_kept(masks, model)
    with pytest.raises(BadConfig, match=r"does not know the names of its parameters.*attach\(optimizer, model\)"):
        masks.attach(torch.optim.AdamW(model.parameters()))


def test_the_handle_lets_go():
    model = network()
    masks = select(model, sparsity=0.7)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with masks.attach(optimizer, model) as attached:
        assert isinstance(attached, Attached)
        train(model, optimizer)
        assert_kept(masks, model)
    train(model, optimizer)
    assert model[0].weight.count_nonzero() > masks.count("0.weight")
    attached.mask_weights()
    attached.remove()  # twice is once
    assert_kept(masks, model)


def test_state_dicts_stay_as_they_are_and_can_be_loaded_meanwhile():
    model, plain = network(), network()
    masks = select(model, sparsity=0.7)
    optimizer = torch.optim.AdamW(model.parameters())
    theirs = torch.optim.AdamW(plain.parameters())
    attached = masks.attach(optimizer, model)
    train(model, optimizer)
    train(plain, theirs)
    state = optimizer.state_dict()
    assert state.keys() == theirs.state_dict().keys()
    file = io.BytesIO()
    torch.save({"model": model.state_dict(), "optimizer": state}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    train(model, optimizer, steps=1)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    train(model, optimizer)
    assert_kept(masks, model)
    model.load_state_dict(plain.state_dict())  # whose weights all live
    attached.mask_weights()
    assert_kept(masks, model)
    copy.deepcopy(optimizer).step()


def test_a_network_may_change_its_dtype_while_attached():
    model = network()
    masks = select(model, sparsity=0.7)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    masks.attach(optimizer, model)
    model.double()
    model(batch()[0].double()).sum().backward()
    optimizer.step()
    assert MaskSet.from_weights({name: model.get_parameter(name) for name in masks}).is_subset_of(masks)


class Wrapping(torch.optim.Optimizer):
    """An optimizer around another, as libraries of distributed training have."""

    def __init__(self, inner):
        self.optimizer, self.param_groups = inner, inner.param_groups

    def step(self, closure=None):
        return self.optimizer.step(closure)


def test_what_cannot_be_attached_is_refused():
    model = network()
    masks = select(model, sparsity=0.7)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    before = copy.deepcopy(model)
    for other in (Wrapping(optimizer), model, None):
        with pytest.raises(BadConfig, match=r"runs no step hooks.* Attach the masks to the optimizer that it wraps"):
            masks.attach(other, model)
    with pytest.raises(BadConfig, match=r"trains none of the masked weights \(0.weight, 2.weight\)"):
        masks.attach(optimizer, network())
    with pytest.raises(BadTensor, match=r'Use masks\.with_prefix\("module\."\)'):
        masks.attach(optimizer, nn.DataParallel(model))
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), before.parameters(), strict=True))
    masks.with_prefix("module.").attach(optimizer, nn.DataParallel(model))
    assert_kept(masks, model)


def test_sparse_gradients_are_refused_by_name():
    embedding = nn.Embedding(4, 2, sparse=True)
    masks = MaskSet.from_weights({"weight": torch.eye(4)[:, :2]})
    optimizer = torch.optim.SparseAdam(embedding.parameters())
    masks.attach(optimizer, embedding)
    embedding(torch.tensor([1])).sum().backward()
    with pytest.raises(BadTensor, match=r'gradient of "weight" has the layout torch.sparse_coo'):
        optimizer.step()
