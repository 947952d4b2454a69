import copy
import inspect

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from pruneproof.contracts.criterion import Criterion
from pruneproof.contracts.ingredients import INGREDIENTS, Probe
from pruneproof.contracts.model import conv_and_linear
from pruneproof.contracts.source import Source
from pruneproof.criteria.magnitude import MAGNITUDE
from pruneproof.errors import BadConfig, BadTensor, UnknownName
from pruneproof.training.probe import ModelProbe
from pruneproof.training.scoring import gather, score
from pruneproof.values.masks import MaskSet

SOURCE = Source(authors="Nobody", year=2020, title="A test")
ALL = tuple(INGREDIENTS)


def network(activation: type[nn.Module] = nn.ReLU) -> nn.Module:
    """Everything that could remember a look: BatchNorm statistics, dropout, mixed modes, gradients."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, groups=2),
        nn.BatchNorm2d(4),
        activation(),
        nn.Conv2d(4, 6, 3),
        nn.BatchNorm2d(6),
        activation(),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(24, 3),
    )


def batches(dtype: torch.dtype = torch.float32) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(20, 2, 6, 6, generator=generator, dtype=dtype)
    y = torch.randint(3, (20,), generator=generator)
    return [(x[:12], y[:12]), (x[12:], y[12:])]


def some_masks(model: nn.Module) -> MaskSet:
    generator = torch.Generator().manual_seed(2)
    return MaskSet.from_arrays(
        {
            name: (torch.rand(model.get_parameter(name).shape, generator=generator) < 0.7).numpy()
            for name in conv_and_linear(model)
        }
    )


def masked_copy(model: nn.Module, masks: MaskSet) -> nn.Module:
    copied = copy.deepcopy(model)
    with torch.no_grad():
        for name, mask in masks.items():
            copied.get_parameter(name).mul_(mask)
    return copied


def snapshot(model: nn.Module) -> dict[str, object]:
    return {
        **{f"state {name}": value.clone() for name, value in model.state_dict().items()},
        **{f"grad {name}": None if p.grad is None else p.grad.clone() for name, p in model.named_parameters()},
        **{f"needs {name}": p.requires_grad for name, p in model.named_parameters()},
        **{f"mode {name}": part.training for name, part in model.named_modules()},
        **{f"hooks {name}": len(part._forward_pre_hooks) for name, part in model.named_modules()},
        "rng": torch.get_rng_state(),
    }


def same(one: dict[str, object], other: dict[str, object]) -> bool:
    return one.keys() == other.keys() and all(
        torch.equal(value, other[key])
        if isinstance(value, torch.Tensor)
        else value is other[key] or value == other[key]
        for key, value in one.items()
    )


def lived_in() -> nn.Module:
    """A network with running statistics, gradients, a frozen part in eval mode and a frozen weight."""
    model = network()
    x, y = batches()[0]
    F.cross_entropy(model(x), y).backward()
    model[1].eval()
    model[3].weight.requires_grad_(False)
    return model


@pytest.mark.parametrize("mask", [False, True])
def test_gathering_everything_leaves_the_model_and_the_generators_as_they_were(mask):
    model = lived_in()
    masks = some_masks(model) if mask else None
    before = snapshot(model)
    given_ = gather(model, conv_and_linear(model), masks, batches(), torch.Generator(), ALL, initial=dict)
    probe: Probe = given_["probe"]
    probe.hessian_vector(given_["grads"])
    probe.gradients(inputs="ones", objective="sum-output", every=torch.abs, train_mode=False, double=True)
    assert same(snapshot(model), before)


@pytest.mark.parametrize("mask", [False, True])
def test_every_call_of_the_probe_leaves_the_model_and_the_generators_as_they_were(mask):
    model = lived_in()
    probe = ModelProbe(model, conv_and_linear(model), some_masks(model) if mask else None, batches())
    before = snapshot(model)
    for look in (
        lambda: probe.gradients(dead=True),
        lambda: probe.hessian_vector(probe.weights(), train_mode=False, double=True),
        lambda: probe.hessian_vector(probe.weights(), dead=True),
        lambda: probe.curvature(temperature=5.0),
        lambda: probe.sample_gradients(limit=13),
        lambda: probe.activations(train_mode=True),
        lambda: probe.layer_gram(),
        lambda: probe.layer_gram(train_mode=True),
    ):
        look()
        assert same(snapshot(model), before)
    wrong = [(torch.randn(4, 2, 5, 5), torch.zeros(4, dtype=torch.int64))]
    before["rng"] = torch.get_rng_state()
    probe = ModelProbe(model, conv_and_linear(model), None, wrong)
    for look in (probe.sample_gradients, probe.layer_gram):
        with pytest.raises(RuntimeError):
            look()
        assert same(snapshot(model), before)


def test_a_look_that_fails_leaves_the_model_and_the_generators_as_they_were():
    model = lived_in()
    before = snapshot(model)
    wrong = [(torch.randn(4, 2, 5, 5), torch.zeros(4, dtype=torch.int64))]
    before["rng"] = torch.get_rng_state()
    for look in ("grads", "fisher", "activations"):
        with pytest.raises(RuntimeError):
            gather(model, conv_and_linear(model), None, wrong, torch.Generator(), [look])
        assert same(snapshot(model), before)


def test_a_criterion_that_draws_from_the_global_generator_is_reproducible_and_leaves_no_trace():
    model = network()
    careless = Criterion("careless", lambda weights: {k: torch.rand_like(w) for k, w in weights.items()}, SOURCE)
    before = snapshot(model)
    one = score(careless, {}, model, conv_and_linear(model), None, [], torch.Generator().manual_seed(4))
    assert same(snapshot(model), before)
    torch.rand(1)
    other = score(careless, {}, model, conv_and_linear(model), None, [], torch.Generator().manual_seed(4))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_criterion_that_writes_into_its_ingredients_does_not_reach_the_model():
    model = network()
    rude = Criterion(
        "rude", lambda weights, alive: {k: w.zero_() + alive[k].zero_() for k, w in weights.items()}, SOURCE
    )
    before = snapshot(model)
    score(rude, {}, model, conv_and_linear(model), some_masks(model), [], torch.Generator())
    assert same(snapshot(model), before)


def test_gradients_are_those_of_backward_over_all_samples():
    model = network().double()
    model[7].p = 0.0
    names = conv_and_linear(model)
    found = ModelProbe(model, names, None, batches(torch.float64)).gradients()
    expected = {name: torch.zeros_like(model.get_parameter(name)) for name in names}
    for x, y in batches(torch.float64):
        model.zero_grad()
        (F.cross_entropy(model(x), y, reduction="sum") / 20).backward()
        for name in names:
            expected[name] += model.get_parameter(name).grad
    for name in names:
        torch.testing.assert_close(found[name], expected[name])


def test_without_batch_statistics_the_split_into_batches_does_not_matter():
    model = network().double()
    names = conv_and_linear(model)
    x, y = (torch.cat(parts) for parts in zip(*batches(torch.float64), strict=True))
    split = ModelProbe(model, names, None, batches(torch.float64)).gradients(train_mode=False)
    whole = ModelProbe(model, names, None, [(x, y)]).gradients(train_mode=False)
    for name in names:
        torch.testing.assert_close(split[name], whole[name])


def test_a_mask_acts_as_if_the_weights_were_zero_and_dead_weights_have_no_derivative():
    model = network().double()
    names, masks = conv_and_linear(model), some_masks(model)
    with torch.no_grad():
        model[8].weight[~masks["8.weight"]] = torch.nan
    clean = network().double()
    looked = ModelProbe(model, names, masks, batches(torch.float64), seed=5)
    plain = ModelProbe(masked_copy(clean, masks), names, None, batches(torch.float64), seed=5)
    for name in names:
        assert torch.equal(looked.weights()[name], plain.weights()[name])
        assert torch.equal(looked.alive()[name], masks[name])
        torch.testing.assert_close(looked.gradients()[name], plain.gradients()[name] * masks[name])
        torch.testing.assert_close(looked.fisher()[name], plain.fisher()[name] * masks[name])
        torch.testing.assert_close(looked.activations()[name], plain.activations()[name])


@pytest.mark.parametrize("mask", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 200.0])
def test_the_hessian_product_is_the_change_of_the_gradient_along_the_vector(mask, temperature):
    model = network(nn.Tanh).double()
    names = conv_and_linear(model)
    probe = ModelProbe(model, names, some_masks(model) if mask else None, batches(torch.float64), seed=3)
    vector = probe.gradients()
    weights = probe.weights()

    def gradient(step: float) -> dict[str, torch.Tensor]:
        moved = {name: weights[name] + step * vector[name] for name in names}
        return probe.gradients(at=moved, temperature=temperature)

    ahead, behind = gradient(1e-4), gradient(-1e-4)
    product = probe.hessian_vector(vector, temperature=temperature)
    for name in names:
        torch.testing.assert_close(product[name], (ahead[name] - behind[name]) / 2e-4, rtol=1e-5, atol=1e-10)


def test_the_sum_of_outputs_on_ones_is_differentiated_at_the_given_point_with_everything_else_changed():
    model = network(nn.Identity)
    with torch.no_grad():
        for norm in (model[1], model[4]):
            norm.weight.neg_()
            norm.running_mean.fill_(-0.1)
    names = conv_and_linear(model)
    sizes = {name: model.get_parameter(name).detach().abs() for name in names}
    found = ModelProbe(model, names, None, batches()).gradients(
        at=sizes, inputs="ones", objective="sum-output", every=torch.abs, train_mode=False, double=True
    )
    positive = network(nn.Identity).double()
    positive.load_state_dict({name: value.abs() for name, value in model.state_dict().items()})
    positive.eval()(torch.ones(1, 2, 6, 6, dtype=torch.float64)).sum().backward()
    for name in names:
        assert found[name].dtype == torch.float64
        torch.testing.assert_close(found[name], positive.get_parameter(name).grad)


def test_fisher_is_the_mean_of_squared_gradients_sample_by_sample():
    model = network().eval()
    names = conv_and_linear(model)
    expected = {name: torch.zeros_like(model.get_parameter(name)) for name in names}
    for x, y in batches():
        for index in range(len(x)):
            model.zero_grad()
            F.cross_entropy(model(x[index : index + 1]), y[index : index + 1]).backward()
            for name in names:
                expected[name] += model.get_parameter(name).grad.square() / 20
    found = ModelProbe(model.train(), names, None, batches()).fisher()
    for name in names:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-4, atol=1e-8)


def test_activations_are_the_norms_of_what_each_weight_multiplies():
    model = network()
    names = conv_and_linear(model)
    found = ModelProbe(model, names, None, batches()).activations()
    x = torch.cat([x for x, _ in batches()])
    model.eval()
    with torch.no_grad():
        inner = model[:3](x)
        features = model[:8](x)
    assert all(found[name].shape == model.get_parameter(name).shape for name in names)
    channels = x.square().sum((0, 2, 3)).sqrt()
    for out_channel, in_channel in enumerate([0, 0, 1, 1]):  # two groups: each output reads one input channel
        torch.testing.assert_close(found["0.weight"][out_channel], channels[in_channel].expand(1, 3, 3))
    expected = inner.square().sum((0, 2, 3)).sqrt().reshape(1, 4, 1, 1).expand(6, 4, 3, 3)
    torch.testing.assert_close(found["3.weight"], expected)
    torch.testing.assert_close(found["8.weight"], features.norm(dim=0).expand(3, 24))


def test_activations_of_a_weight_that_is_no_layers_are_refused_by_name():
    class Cell(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mix = nn.Parameter(torch.ones(4, 3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x @ self.mix

    with pytest.raises(BadConfig, match='not defined for "mix", a parameter of Cell'):
        gather(Cell(), ["mix"], None, [(torch.ones(2, 4), torch.zeros(2).long())], torch.Generator(), ["activations"])


def test_only_what_is_wanted_is_computed():
    model = network()
    names = conv_and_linear(model)
    found = gather(model, names, None, [], torch.Generator(), ["alive", "weights", "rng"])
    assert list(found) == ["alive", "weights", "rng"]
    for needs_data in ("grads", "fisher", "activations"):
        with pytest.raises(BadConfig, match="no scoring samples"):
            gather(model, names, None, [], torch.Generator(), [needs_data])


def test_the_vocabulary_is_the_contracts():
    model = network()
    found = gather(model, conv_and_linear(model), None, batches(), torch.Generator(), ALL, initial=dict)
    assert tuple(found) == ALL
    with pytest.raises(UnknownName, match="hessian"):
        gather(model, conv_and_linear(model), None, batches(), torch.Generator(), ["hessian"])


def test_initial_weights_are_asked_of_who_knows_them_and_refused_where_nobody_does():
    model = network()
    names = conv_and_linear(model)
    first = {name: torch.zeros(1) for name in names}
    assert gather(model, names, None, [], torch.Generator(), ["initial"], initial=lambda: first) == {"initial": first}
    with pytest.raises(BadConfig, match="as the network was initialised"):
        gather(model, names, None, [], torch.Generator(), ["initial"])


def test_the_probe_offers_the_calls_of_the_protocol():
    for call in ("gradients", "hessian_vector"):
        asked = inspect.signature(getattr(Probe, call)).parameters
        offered = inspect.signature(getattr(ModelProbe, call)).parameters
        assert {name: each.default for name, each in asked.items()}.items() <= {
            name: each.default for name, each in offered.items()
        }.items()


def test_scores_and_gradients_work_where_the_caller_has_switched_gradients_off():
    model = network()
    with torch.no_grad():
        found = gather(model, conv_and_linear(model), None, batches(), torch.Generator(), ["grads", "probe"])
        found["probe"].hessian_vector(found["grads"])
    assert all(found["grads"][name].abs().sum() > 0 for name in conv_and_linear(model))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: list(s.values()), "returned list"),
        (lambda s: {"0.weight": s["0.weight"]}, "missing 3.weight, 8.weight"),
        (lambda s: {**s, "extra": s["0.weight"]}, "not asked for extra"),
        (lambda s: {**s, "3.weight": s["3.weight"][0]}, r'"3.weight" with shape \(4, 3, 3\)'),
        (lambda s: {**s, "3.weight": s["3.weight"].long()}, '"3.weight" with torch.int64'),
        (lambda s: {**s, "3.weight": s["3.weight"].numpy()}, '"3.weight" with ndarray'),
        (lambda s: {**s, "8.weight": s["8.weight"].log()}, r'"8.weight" with NaN, first at \(\d, \d+\)'),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_with_criterion_and_tensor(change, message):
    model = network()
    broken = Criterion("broken", lambda weights: change(dict(weights)), SOURCE)
    with pytest.raises(BadTensor, match=f'criterion "broken" .*{message}'):
        score(broken, {}, model, conv_and_linear(model), None, [], torch.Generator())


def test_scores_come_in_the_order_of_the_names_and_detached():
    model = network()
    names = conv_and_linear(model)

    def backwards(weights):
        return {name: weights[name].clone().requires_grad_() for name in reversed(weights)}

    found = score(Criterion("backwards", backwards, SOURCE), {}, model, names, None, [], torch.Generator())
    assert list(found) == names
    assert not any(scores.requires_grad for scores in found.values())


def tempered(weights, *, temperature: float = 1.0, power: int = 1, signed: bool = False, mode: str = "l1"):
    return {name: weight * temperature * power for name, weight in weights.items()}


TEMPERED = Criterion("tempered", tempered, SOURCE)


@given(st.floats(0.1, 10.0) | st.integers(1, 5))
def test_options_reach_the_criterion(temperature):
    layer = nn.Linear(2, 2)
    found = score(TEMPERED, {"temperature": temperature}, layer, ["weight"], None, [], torch.Generator())
    torch.testing.assert_close(found["weight"], layer.weight.detach() * temperature)


@pytest.mark.parametrize(
    ("option", "value"),
    [("temperature", "1"), ("temperature", True), ("power", 1.5), ("power", True), ("signed", 1), ("mode", None)],
)
def test_an_option_of_another_type_is_refused(option, value):
    with pytest.raises(BadConfig, match=f'"tempered" got the option {option}'):
        score(TEMPERED, {option: value}, nn.Linear(2, 2), ["weight"], None, [], torch.Generator())


def test_an_unknown_option_is_refused_with_the_nearest():
    with pytest.raises(UnknownName, match='Nearest: "temperature"'):
        score(TEMPERED, {"temprature": 2.0}, nn.Linear(2, 2), ["weight"], None, [], torch.Generator())


def test_names_and_masks_that_do_not_fit_the_model_are_refused():
    layer = nn.Linear(2, 2)
    with pytest.raises(BadTensor, match='"wait" is no parameter'):
        score(MAGNITUDE, {}, layer, ["wait"], None, [], torch.Generator())
    with pytest.raises(BadTensor, match='"weight" has no mask'):
        score(MAGNITUDE, {}, layer, ["weight"], MaskSet.dense({"bias": (2,)}), [], torch.Generator())
    with pytest.raises(BadTensor, match=r'mask "weight" has shape \(3, 2\)'):
        score(MAGNITUDE, {}, layer, ["weight"], MaskSet.dense({"weight": (3, 2)}), [], torch.Generator())


def test_a_probe_refuses_what_makes_no_sense():
    layer = nn.Linear(2, 2)
    probe = ModelProbe(layer, ["weight"], None, [(torch.ones(3, 2), torch.zeros(3).long())])
    with pytest.raises(BadConfig, match="no label"):
        probe.gradients(inputs="ones")
    with pytest.raises(BadConfig, match="temperature"):
        probe.gradients(temperature=0.0)
    with pytest.raises(BadTensor, match='first "bias": shape \\(2,\\), expected none'):
        probe.gradients(at={"weight": torch.ones(2, 2), "bias": torch.ones(2)})
    with pytest.raises(BadTensor, match='first "weight"'):
        probe.hessian_vector({"weight": torch.ones(2, 3)})


def test_a_weight_that_layers_share_has_the_gradient_of_both_and_is_named_once():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 2))
    model[2].weight = model[0].weight
    x, y = torch.randn(4, 3), torch.tensor([0, 1, 1, 0])
    names = conv_and_linear(model)
    assert names == ["0.weight", "4.weight"]
    found = gather(model, names, None, [(x, y)], torch.Generator(), ["grads"])["grads"]
    torch.nn.functional.cross_entropy(model(x), y).backward()
    torch.testing.assert_close(found["0.weight"], model[0].weight.grad)
    with pytest.raises(BadTensor, match="one shared tensor"):
        gather(model, [*names, "2.weight"], None, [(x, y)], torch.Generator(), ["weights"])
