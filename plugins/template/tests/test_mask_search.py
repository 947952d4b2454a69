"""The mask search obeys what every mask search must."""

import torch
from pruneproof_template.mask_search import TEMPLATE_MASK_SEARCH, export, gate, start

from pruneproof.testing import parametrize_with_checks


@parametrize_with_checks([TEMPLATE_MASK_SEARCH])
def test_it_conforms(subject, check):
    check(subject)


def test_before_any_training_it_exports_the_mask_of_relative_magnitude():
    weights = {"a": torch.tensor([3.0, -1.0]), "b": torch.tensor([0.1, -0.3])}
    masks = export(start(weights, torch.Generator()), 0.5)
    assert {name: mask.tolist() for name, mask in masks.items()} == {"a": [True, False], "b": [False, True]}


def test_gates_harden_as_training_goes_on():
    variables = {"a": torch.tensor([1.0])}
    early, late = (gate(variables, 0.5, progress, torch.Generator())["a"].item() for progress in (0.0, 0.9))
    assert 0.5 < early < late < 1.0
