"""Overlap of masks, and that of random ones."""

import pytest
import torch

from pruneproof.api import BadConfig
from pruneproof.metrics.overlap import chance_overlap, mask_overlap


def test_chance_is_what_independent_masks_of_the_same_counts_have_in_common():
    draw = torch.Generator().manual_seed(0)
    sizes, kept = {"a": 2000, "b": 500}, {"a": 200, "b": 400}

    def mask():
        return {name: torch.randperm(size, generator=draw) < kept[name] for name, size in sizes.items()}

    pairs = [(mask(), mask()) for _ in range(50)]
    found = sum(mask_overlap(*pair) for pair in pairs) / len(pairs)
    assert found == pytest.approx(chance_overlap(*pairs[0]), abs=0.01)
    assert chance_overlap(*pairs[0], within="network") < 0.5 * chance_overlap(*pairs[0])


def test_at_one_density_chance_is_that_of_the_two_masks_in_all():
    tenth = {"a": torch.arange(100) < 10, "b": torch.arange(50) >= 45}
    for within in ("tensor", "network"):
        assert chance_overlap(tenth, tenth, within=within) == pytest.approx(0.1 / 1.9)
    assert mask_overlap(tenth, tenth) == 1.0
    with pytest.raises(BadConfig, match="within"):
        chance_overlap(tenth, tenth, within="row")
