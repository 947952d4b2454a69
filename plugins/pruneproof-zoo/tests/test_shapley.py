"""Shapley values by the author's toy, by the definition over orders, and of a network."""

from itertools import permutations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from pruneproof.api import BadConfig, ModelProbe, conv_and_linear
from pruneproof_zoo import shapley_values
from pruneproof_zoo.shapley import shapley, shapley_partial, shapley_permutations, shapley_regression

TOY = {"": 0, "0": 1, "1": 2, "2": 2, "01": 2, "02": 5, "12": 5, "012": 6}
PHI = (7 / 6, 5 / 3, 19 / 6)


def toy(part):
    return float(TOY["".join(str(i) for i, there in enumerate(part) if there)])


def table(seed, players):
    values = torch.randn(2**players, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).tolist()
    return lambda part: values[sum(there << i for i, there in enumerate(part))]


def coalitions(players):
    return [[bool(team >> i & 1) for i in range(players)] for team in range(2**players)]


def test_the_authors_three_players():
    assert shapley_values.exact(toy, 3) == pytest.approx(PHI)
    leave_one_out = [6 - toy([j != i for j in range(3)]) for i in range(3)]
    assert leave_one_out == [1, 1, 4]


def test_without_weights_a_regression_is_another_quantity_and_with_them_it_is_exact():
    parts = torch.tensor(coalitions(3), dtype=torch.float64)
    values = torch.tensor([toy(part) for part in coalitions(3)], dtype=torch.float64)
    inner = (parts.sum(1) > 0) & (parts.sum(1) < 3)
    with_intercept = torch.cat([parts, torch.ones(8, 1, dtype=torch.float64)], dim=1)
    plain = torch.linalg.lstsq(with_intercept[inner], values[inner, None]).solution[:3, 0]
    assert plain.tolist() == pytest.approx([1.5, 2.0, 3.5])
    weights = 1 / (parts[inner].sum(1) * (3 - parts[inner].sum(1)))  # all three coalitions of a size: constant binomial
    assert shapley_values.constrained(parts[inner], values[inner], weights, 6.0) == pytest.approx(PHI)


@given(st.integers(0, 10**6), st.integers(1, 5))
def test_it_is_the_mean_over_all_orders_and_adds_up(seed, players):
    game = table(seed, players)
    expected = [0.0] * players
    orders = list(permutations(range(players)))
    for order in orders:
        part = [False] * players
        for i in order:
            before = game(part)
            part[i] = True
            expected[i] += (game(part) - before) / len(orders)
    found = shapley_values.exact(game, players)
    assert found == pytest.approx(expected)
    assert sum(found) == pytest.approx(game([True] * players) - game([False] * players))


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_it_is_linear_in_the_game_blind_to_names_and_zero_for_who_adds_nothing(seed, other):
    first, second = table(seed, 3), table(other, 3)
    both = shapley_values.exact(lambda part: 2 * first(part) - second(part), 3)
    assert both == pytest.approx(
        [2 * a - b for a, b in zip(shapley_values.exact(first, 3), shapley_values.exact(second, 3), strict=True)]
    )
    turned = shapley_values.exact(lambda part: first([part[1], part[2], part[0]]), 3)
    assert turned == pytest.approx([shapley_values.exact(first, 3)[i] for i in (2, 0, 1)])
    assert shapley_values.exact(lambda part: first([*part[:2], True]), 3)[2] == pytest.approx(0.0)


@given(st.integers(0, 10**6), st.integers(2, 5))
def test_partial_is_exact_where_its_ends_meet_and_regression_with_all_coalitions(seed, players):
    game, rng = table(seed, players), torch.Generator().manual_seed(seed)
    expected = shapley_values.exact(game, players)
    assert shapley_values.partial(game, players, players // 2) == pytest.approx(expected)
    many = shapley_values.by_permutations(game, players, 3, rng)
    assert sum(many) == pytest.approx(sum(expected))
    assert sum(shapley_values.by_regression(game, players, 4, rng)) == pytest.approx(sum(expected))


def test_many_draws_come_near():
    game, expected = table(5, 4), shapley_values.exact(table(5, 4), 4)
    spread = max(map(abs, expected))
    for approximation in (shapley_values.by_permutations, shapley_values.by_regression):
        found = approximation(game, 4, 3000, torch.Generator().manual_seed(0))
        assert found == pytest.approx(expected, abs=0.1 * spread)


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Conv2d(3, 2, 2), nn.Tanh(), nn.Flatten(), nn.Linear(2, 3))


def given_network(batch=slice(None)):
    model = network().double().eval()
    draw = torch.Generator().manual_seed(1)
    x, y = torch.randn(8, 1, 4, 4, generator=draw), torch.randint(3, (8,), generator=draw)
    names = conv_and_linear(model)
    probe = ModelProbe(model, names, None, [(x[batch], y[batch])])
    return probe.weights(), probe.alive(), probe


def test_the_columns_of_a_layer_share_what_the_whole_layer_adds():
    weights, alive, probe = given_network()
    found = shapley(weights, alive, probe)
    for name, weight in weights.items():
        assert (found[name] == found[name][:1]).all()
        total = float(found[name].transpose(0, 1).flatten(1)[:, 0].sum())
        without = probe.loss(at={**weights, name: torch.zeros_like(weight)})
        assert total == pytest.approx(without - probe.loss())


def test_it_is_linear_over_scoring_batches():
    whole, first, second = (shapley(*given_network(part)) for part in (slice(None), slice(0, 2), slice(2, 8)))
    for name, each in whole.items():
        torch.testing.assert_close(each, (2 * first[name] + 6 * second[name]) / 8)


def test_approximations_of_a_network_add_up_and_dead_columns_do_not_play():
    weights, alive, probe = given_network()
    alive["2.weight"][:, 1] = False
    weights["2.weight"] = torch.where(alive["2.weight"], weights["2.weight"], 0.0)
    rng = torch.Generator().manual_seed(0)
    exact = shapley(weights, alive, probe)["2.weight"][0, :, 0, 0]
    assert exact[1] == 0
    for approximation in (shapley_permutations, shapley_regression):
        found = approximation(weights, alive, probe, rng)["2.weight"][0, :, 0, 0]
        assert float(found.sum()) == pytest.approx(float(exact.sum()))
    partial = shapley_partial(weights, alive, probe)["2.weight"][0, :, 0, 0]
    torch.testing.assert_close(partial, exact)  # two players: the ends are all there is


def test_a_layer_with_too_many_inputs_is_refused_and_so_is_an_option_out_of_range():
    weights, alive = {"w": torch.ones(1, 13)}, {"w": torch.ones(1, 13, dtype=torch.bool)}
    with pytest.raises(BadConfig, match=r"at most 12 of them, and a layer has 13"):
        shapley(weights, alive, None)
    for criterion in (shapley_permutations, shapley_regression):
        with pytest.raises(BadConfig, match="got 0 draws"):
            criterion(weights, alive, None, torch.Generator(), draws=0)
    with pytest.raises(BadConfig, match="most = -1"):
        shapley_partial(weights, alive, None, most=-1)
