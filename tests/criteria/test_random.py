import scipy.stats
import torch

from pruneproof.api import Selection, select_masks
from pruneproof.criteria.random import random, random_filters


def draw(weights: dict[str, torch.Tensor], seed: int = 0) -> dict[str, torch.Tensor]:
    return dict(random(weights, torch.Generator().manual_seed(seed)))


def test_the_same_generator_gives_the_same_scores_whatever_the_values_and_the_order_of_the_weights():
    one = {"a": torch.zeros(3, 4), "b": torch.zeros(5)}
    other = {"b": torch.ones(5), "a": torch.ones(3, 4)}
    assert all(torch.equal(draw(one)[name], draw(other)[name]) for name in one)
    assert not torch.equal(draw(one)["a"], draw(one, seed=1)["a"])


def test_the_global_generator_is_not_touched():
    before = torch.get_rng_state()
    draw({"a": torch.zeros(10)})
    assert torch.equal(torch.get_rng_state(), before)


def test_scores_are_uniform_and_do_not_tie():
    scores = draw({"a": torch.zeros(200_000)})["a"]
    assert len(scores.unique()) == len(scores)
    assert scipy.stats.kstest(scores.numpy(), "uniform").pvalue > 1e-3


def test_one_draw_per_filter_gives_layers_of_small_and_large_filters_the_same_chance():
    weights = {"small": torch.zeros(400, 1, 1, 1), "large": torch.zeros(400, 8, 3, 3)}
    scores = random_filters(weights, torch.Generator().manual_seed(0))
    masks = select_masks(scores, keep=200, selection=Selection(structure="filter", reduce="mean"))
    kept = [int((masks.row_counts(name) > 0).sum()) for name in weights]
    assert sum(kept) == 200
    assert abs(kept[0] - kept[1]) < 60  # four standard deviations
