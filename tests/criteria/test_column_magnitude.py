import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.api import Selection
from pruneproof.criteria.column_magnitude import COLUMN_MAGNITUDE, column_magnitude
from pruneproof.models.fastgrnn import fastgrnn
from pruneproof.registry.passports import check
from pruneproof.selection.select import select_masks


@given(st.tuples(st.integers(1, 5), st.integers(1, 5)), st.integers(0, 99))
def test_it_is_the_l1_norm_of_columns_as_numpy_computes_it(shape, seed):
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    scores = column_magnitude({"w": weight})["w"].numpy()
    expected = np.linalg.norm(weight.numpy(), ord=1, axis=0)
    np.testing.assert_allclose(scores, np.broadcast_to(expected, shape))


def test_a_convolutions_column_shares_every_index_but_the_first():
    weight = torch.arange(24.0).reshape(2, 3, 2, 2) - 12
    scores = column_magnitude({"conv": weight})["conv"]
    assert torch.equal(scores[0], scores[1])
    assert scores[0, 1, 0, 1].item() == abs(weight[0, 1, 0, 1]).item() + abs(weight[1, 1, 0, 1]).item()


def test_its_passport_is_valid_and_asks_for_weights_alone():
    check(COLUMN_MAGNITUDE)
    assert COLUMN_MAGNITUDE.ingredients == ("weights",)


def test_with_given_counts_it_lowers_the_rank_of_fastgrnns_first_factors_by_whole_columns():
    torch.manual_seed(0)
    model = fastgrnn((128, 9), 2)
    weights = {name: each for name, each in model.named_parameters() if name in ("W1", "W2", "U1", "U2")}
    masks = select_masks(
        column_magnitude(weights),
        sparsity=0.9025,
        selection=Selection(scope={"id": "given", "counts": {"W1": 72, "U1": 560}}, unprunable=("W2", "U2")),
        weights=weights,
    )
    for name, rank in (("W1", 8), ("U1", 7)):
        alive = masks[name]
        assert torch.equal(alive, alive[:1].expand_as(alive))
        norms = weights[name].abs().sum(0)
        assert set(alive[0].nonzero().flatten().tolist()) == set(norms.topk(rank).indices.tolist())
    assert masks["W2"].all()
    assert masks["U2"].all()
