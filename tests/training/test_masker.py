import copy
import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pruneproof.contracts.model import conv_and_linear
from pruneproof.errors import BadTensor, MaskBreach
from pruneproof.training.masker import Masker
from pruneproof.values.masks import MaskSet


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))


def half(model: nn.Module, density: float = 0.5) -> MaskSet:
    rng = np.random.default_rng(1)
    return MaskSet.from_arrays(
        {name: rng.random(tuple(model.get_parameter(name).shape)) < density for name in conv_and_linear(model)}
    )


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(16, 1, 8, 8, generator=generator), torch.randint(3, (16,), generator=generator)


def dead_weights(model: nn.Module, masks: MaskSet) -> torch.Tensor:
    return torch.cat([model.get_parameter(name).detach()[~mask] for name, mask in masks.items()])


def is_positive_zero(values: torch.Tensor) -> bool:
    return bool((values.view(torch.int32) == 0).all())


def train(
    model: nn.Module,
    masker: Masker,
    optimizer: torch.optim.Optimizer,
    steps: int,
    clip: float = float("inf"),
    hook: Callable[[int], None] = lambda step: None,
) -> None:
    x, y = batch()
    for step in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        masker.mask_gradients()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        masker.mask_weights()
        hook(step)
        masker.watch(step)


OPTIMIZERS = {
    "sgd": lambda weights: torch.optim.SGD(weights, 0.1, momentum=0.9, weight_decay=5e-4),
    "nesterov": lambda weights: torch.optim.SGD(weights, 0.1, momentum=0.9, weight_decay=5e-4, nesterov=True),
    "adam": lambda weights: torch.optim.Adam(weights, 1e-2, weight_decay=1e-2),
    "adamw": lambda weights: torch.optim.AdamW(weights, 1e-2, weight_decay=1e-1),
}


@pytest.mark.parametrize("clip", [float("inf"), 0.1])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_dead_weights_are_bit_zero_after_training_and_alive_ones_have_moved(name, clip):
    model = network()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    masks = half(model)
    masker = Masker(model, masks)
    train(model, masker, OPTIMIZERS[name](model.parameters()), steps=5, clip=clip)
    masker.assert_intact()
    assert is_positive_zero(dead_weights(model, masks))
    for key, mask in masks.items():
        assert (model.get_parameter(key).detach()[mask] != before[key][mask]).all()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_momentum_gathered_by_the_dense_network_revives_nothing(name):
    model = network()
    optimizer = OPTIMIZERS[name](model.parameters())
    masker = Masker(
        model, MaskSet.dense({key: tuple(model.get_parameter(key).shape) for key in conv_and_linear(model)})
    )
    train(model, masker, optimizer, steps=3)
    masks = half(model)
    masker.update(masks)
    assert is_positive_zero(dead_weights(model, masks))
    train(model, masker, optimizer, steps=3)
    masker.assert_intact()
    assert is_positive_zero(dead_weights(model, masks))


def test_dead_weights_count_neither_in_the_gradient_norm_nor_in_momentum():
    model = network()
    masks = half(model)
    masker = Masker(model, masks)
    x, y = batch()
    F.cross_entropy(model(x), y).backward()
    model[4].weight.grad[~masks["4.weight"]] = torch.inf
    masker.mask_gradients()
    alive = [model.get_parameter(name).grad[mask] for name, mask in masks.items()]
    others = [each.grad.flatten() for name, each in model.named_parameters() if name not in masks]
    expected = torch.cat(alive + others).norm()
    assert torch.isfinite(expected)
    torch.testing.assert_close(nn.utils.clip_grad_norm_(model.parameters(), 1e9), expected)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    optimizer.step()
    assert (optimizer.state[model[4].weight]["momentum_buffer"][~masks["4.weight"]] == 0).all()


@pytest.mark.parametrize("poison", [-0.0, 1.0, torch.nan, -torch.inf])
def test_whatever_a_dead_weight_was_it_becomes_positive_zero(poison):
    model = network()
    masks = half(model)
    masker = Masker(model, masks)
    with torch.no_grad():
        for name, mask in masks.items():
            model.get_parameter(name)[~mask] = poison
    masker.mask_weights()
    assert is_positive_zero(dead_weights(model, masks))


def test_an_alive_weight_that_diverges_is_no_breach():
    model = network()
    masks = half(model)
    masker = Masker(model, masks)
    with torch.no_grad():
        model[4].weight[masks["4.weight"]] = torch.nan
    masker.watch(0)
    masker.assert_intact()


@pytest.mark.parametrize("poison", [1e-30, torch.nan])
def test_a_hook_that_revives_weights_is_named_with_tensor_count_and_first_step(poison):
    model = network()
    masks = half(model)
    masker = Masker(model, masks)

    def revive(step: int) -> None:
        if step in (3, 5):
            with torch.no_grad():
                model[4].weight[~masks["4.weight"]] = poison

    # Steps 4 and 6 look whole again, and step 5 is not the first.
    train(model, masker, torch.optim.SGD(model.parameters(), 0.1), steps=7, hook=revive)
    dead = int((~masks["4.weight"]).sum())
    with pytest.raises(MaskBreach, match=rf'alive after step 3: {dead} of "4\.weight"'):
        masker.assert_intact()


def test_a_replaced_parameter_does_not_go_unseen():
    model = network()
    masker = Masker(model, half(model))
    model[4].weight = nn.Parameter(torch.ones(3, 144))
    masker.mask_weights()
    masker.watch(9)
    with pytest.raises(MaskBreach, match="step 9"):
        masker.assert_intact()


def test_a_removed_or_resized_weight_is_a_breach():
    model = network()
    masker = Masker(model, half(model))
    model[4] = nn.Linear(144, 5)
    with pytest.raises(MaskBreach, match=r'"4\.weight" now has the shape \(5, 144\)'):
        masker.watch(0)
    model[4] = nn.Identity()
    with pytest.raises(MaskBreach, match="no longer a parameter"):
        masker.watch(0)


def test_a_state_dict_is_given_out_only_while_dead_weights_are_zero():
    model = network()
    masks = half(model)
    masker = Masker(model, masks)
    state = masker.masked_state_dict()
    assert list(state) == list(model.state_dict())
    assert all((state[name][~mask] == 0).all() for name, mask in masks.items())
    with torch.no_grad():
        model[0].weight[~masks["0.weight"]] = 1.0
    with pytest.raises(MaskBreach, match=r'alive now: \d+ of "0\.weight"'):
        masker.masked_state_dict()


def test_masks_that_do_not_fit_are_refused_by_name():
    model = network()
    with pytest.raises(BadTensor, match=r'"fc\.weight" belongs to no parameter'):
        Masker(model, MaskSet.dense({"fc.weight": (3, 144)}))
    with pytest.raises(BadTensor, match=r'"4\.weight" has shape \(144, 3\)'):
        Masker(model, MaskSet.dense({"4.weight": (144, 3)}))


def test_no_masks_are_nothing_to_enforce():
    model = network()
    masker = Masker(model, MaskSet.dense({}))
    train(model, masker, torch.optim.SGD(model.parameters(), 0.1), steps=1)
    masker.assert_intact()


def test_the_model_stays_a_plain_module_that_can_be_copied_and_loaded():
    model = network()
    keys, masks = list(model.state_dict()), half(model)
    masker = Masker(model, masks)
    train(model, masker, torch.optim.SGD(model.parameters(), 0.1), steps=1)
    assert list(model.state_dict()) == keys
    copied = copy.deepcopy(model)
    with torch.no_grad():
        copied[4].weight.fill_(1.0)
    masker.assert_intact()
    fresh = network()
    fresh.load_state_dict(masker.masked_state_dict())
    assert all(torch.equal(one, other) for one, other in zip(fresh.parameters(), model.parameters(), strict=True))


def test_update_refuses_to_forget_a_breach():
    model = network()
    masks = half(model)
    masker = Masker(model, masks)
    with torch.no_grad():
        model[4].weight.fill_(1.0)
    masker.watch(0)
    with pytest.raises(MaskBreach, match="step 0"):
        masker.update(masks)


def test_masking_ten_small_tensors_takes_well_under_a_tenth_of_a_millisecond():
    model = nn.Sequential(*(nn.Linear(32, 32) for _ in range(10)))
    masker = Masker(model, half(model))
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    best = float("inf")
    for _ in range(200):
        start = time.perf_counter()
        masker.mask_gradients()
        best = min(best, time.perf_counter() - start)
    assert best < 1e-4


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_enforcing_and_watching_never_wait_for_the_device():
    model = network().cuda()
    masks = half(model)
    masker = Masker(model, masks)
    x, y = (each.cuda() for each in batch())
    F.cross_entropy(model(x), y).backward()
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        masker.mask_gradients()
        masker.mask_weights()
        masker.watch(0)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    with torch.no_grad():
        model[4].weight.fill_(1.0)
    masker.watch(1)
    with pytest.raises(MaskBreach, match="step 1"):
        masker.assert_intact()
