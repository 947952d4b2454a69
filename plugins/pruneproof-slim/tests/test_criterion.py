import numpy as np
import pluggy
import torch
from hypothesis import given
from hypothesis import strategies as st
from pruneproof.api import MaskSet, Selection, select_masks
from pruneproof.registry import hookspecs

import pruneproof_slim
from networks import BY_ID, network
from pruneproof_slim.criterion import FILTER_L1, filter_l1
from pruneproof_slim.filters import whole_filters


def test_the_score_is_the_norm_that_torch_computes():
    weights = {"conv": torch.randn(4, 3, 5, 5), "fc": torch.randn(6, 7), "gain": torch.randn(5)}
    scores = filter_l1(weights)
    for name, weight in weights.items():
        norms = torch.linalg.vector_norm(weight.reshape(len(weight), -1), ord=1, dim=1)
        torch.testing.assert_close(scores[name].reshape(len(weight), -1)[:, 0], norms)
        assert scores[name].shape == weight.shape
        assert (scores[name].reshape(len(weight), -1).diff(dim=1) == 0).all()


def test_half_precision_does_not_overflow():
    assert filter_l1({"w": torch.full((1, 10), 60_000.0, dtype=torch.float16)})["w"][0, 0] == 600_000


def test_the_plugin_registers_it():
    manager = pluggy.PluginManager("pruneproof")
    manager.add_hookspecs(hookspecs)
    manager.register(pruneproof_slim)
    manager.check_pending()
    assert manager.hook.pruneproof_criteria() == [[FILTER_L1]]
    FILTER_L1.check()


def test_selection_cuts_at_most_one_filter_per_tensor_and_rounding_mends_it():
    model = network("lenet-5", (1, 28, 28))
    weights = {name: model.get_parameter(name).detach() for name in BY_ID["lenet-5"].prunable(model)}
    masks = select_masks(filter_l1(weights), sparsity=0.6, selection=Selection(), weights=weights)
    whole = whole_filters(masks)
    assert masks.is_subset_of(whole)
    assert cut_filters(whole) == 0
    assert cut_filters(masks) == sum(masks.hamming(whole, name) > 0 for name in masks) == 1


def cut_filters(masks):
    """Count the filters that are neither whole nor dead."""
    return sum(
        int(((counts := masks.row_counts(name)) % (masks.size(name) // len(counts)) != 0).sum()) for name in masks
    )


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=6))
def test_rounding_keeps_what_is_alive_and_what_is_dead(rows):
    masks = MaskSet.from_arrays({"w": np.array(rows, dtype=bool)})
    assert whole_filters(masks).array("w").tolist() == [[any(row)] * 3 for row in rows]
    assert whole_filters(whole_filters(masks)) == whole_filters(masks)
