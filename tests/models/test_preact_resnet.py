import pytest
import torch
from torch import nn

from pruneproof.models.preact_resnet import PREACT_RESNET_18


def test_it_has_the_weights_and_normalisation_of_the_authors_network():
    with torch.device("meta"):
        model = PREACT_RESNET_18.build((3, 32, 32), 10)
    prunable = PREACT_RESNET_18.prunable(model)
    assert sum(model.get_parameter(name).numel() for name in prunable) == 11_164_352
    others = {name: each for name, each in model.named_parameters() if name not in prunable}
    assert sum(each.numel() for each in others.values()) == 7_828
    assert all(".bn" in f".{name}" for name in others)


def test_shortcuts_are_convolutions_of_the_activation_where_the_shape_changes_only():
    model = PREACT_RESNET_18.build((3, 32, 32), 10, width=4)
    found = [block.shortcut is None for stage in model.stages for block in stage]
    assert found == [True, True, False, True, False, True, False, True]
    block = model.stages[1][0].eval()
    heard = []
    block.shortcut.register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0]))
    block(torch.randn(2, 4, 8, 8))
    assert bool((heard[0] >= 0).all())


def test_the_logits_are_normalised():
    torch.manual_seed(0)
    model = PREACT_RESNET_18.build((3, 16, 16), 5, width=4).train()
    logits = model(torch.randn(64, 3, 16, 16))
    torch.testing.assert_close(logits.mean(0), torch.zeros(5), atol=1e-4, rtol=0)
    torch.testing.assert_close(logits.var(0, unbiased=False), torch.ones(5), atol=0.05, rtol=0)


def test_all_weights_are_drawn_by_fan_in():
    torch.manual_seed(0)
    model = PREACT_RESNET_18.build((3, 32, 32), 10, width=32)
    for name, part in model.named_modules():
        if isinstance(part, nn.Conv2d) and part.weight.numel() > 5000:
            fan = part.weight[0].numel()
            assert part.weight.std().item() == pytest.approx((2 / fan) ** 0.5, rel=0.1), name
