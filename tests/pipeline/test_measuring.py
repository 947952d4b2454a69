"""What a step that measures finds, and what it costs to measure more."""

import pytest
import torch

from pruneproof.contracts.dataset import DataSet
from pruneproof.contracts.model import Model
from pruneproof.errors import BadConfig, BadPlugin
from pruneproof.pipeline.prepare import Request, prepare
from pruneproof.pipeline.run import run_paper
from pruneproof.pipeline.store import Store
from pruneproof.registry.catalog import build_catalog
from pruneproof.training.checkpoint import load_tensors
from pruneproof.values.masks import MaskSet

PRUNE = '{ do = "init" }, { do = "train", recipe = "dense" }'
END = '{ do = "prune" }, { do = "train", recipe = "retrain" }'
LOSSES = f"""{PRUNE},
  {{ do = "measure", name = "before", metrics = ["train-loss", "accuracy"] }},
  {{ do = "prune" }},
  {{ do = "measure", name = "pruned", metrics = ["train-loss", "loss-change"], against = "before" }},
  {{ do = "train", recipe = "retrain" }},
  {{ do = "measure", metrics = ["accuracy", "train-loss", "loss-gap", "error-gap"], against = "before" }}"""

METRICS = """
    from pruneproof.api import Metric, hookimpl

    def draw(rng):
        return float(rng.initial_seed() % 1000)

    def moved(weights, reference_weights):
        return {{name: float((each - reference_weights[name]).abs().sum()) for name, each in weights.items()}}

    def curvature(probe, network):
        assert not network.training
        return {{name: float(each.square().sum()) for name, each in probe.gradients().items()}}

    def per_unit(alive):
        return {{name: each.reshape(each.shape[0], -1).sum(1).tolist() for name, each in alive.items()}}

    def odd({takes}):
        {body}

    @hookimpl
    def pruneproof_metrics():
        return [
            Metric("draw", draw, "Which stream it was given."),
            Metric("moved", moved, "How far the weights went.", per="tensor"),
            Metric("curvature", curvature, "Squared gradients.", per="tensor"),
            Metric("per-unit", per_unit, "Alive weights of each unit.", per="unit"),
            Metric("odd", odd, "Odd.", per="{per}"),
        ]
"""


@pytest.fixture
def metrics(install):
    """Install metrics of another distribution, one of which a test writes."""

    def write(body="return 1.0", takes="alive", per="network"):
        return install("odd-metrics", METRICS.format(body=body, takes=takes, per=per))

    return write


def measure(replay_steps, steps, *, plugins=("odd-metrics",)):
    return replay_steps({"m": steps}, plugins=plugins)["m"]


def test_losses_are_those_of_the_networks_before_and_after_pruning_and_at_the_end(replay_steps, tmp_path):
    found = measure(replay_steps, LOSSES, plugins=())
    catalog = build_catalog(["builtin"])
    data = catalog.get(DataSet, "digits").load(tmp_path)
    network = catalog.get(Model, "mlp").build(data.shape, data.classes, hidden=[40, 20]).eval()
    [(x, y)], [(test_x, test_y)] = (list(data.batches(part, 5000)) for part in ("train", "test"))

    def outcome(finished, masks=None):
        weights = load_tensors(finished.file("weights.safetensors"))[0]
        masked = {name: each * masks[name] if masks and name in masks else each for name, each in weights.items()}
        network.load_state_dict(masked)
        with torch.no_grad():
            accuracy = 100 * (network(test_x).argmax(1) == test_y).double().mean().item()
            return torch.nn.functional.cross_entropy(network(x), y).item(), accuracy

    dense, retrained = found.of("train")
    masks = MaskSet.load(found.of("prune")[0].file("mask.safetensors"))
    before, pruned, end = outcome(dense), outcome(dense, masks), outcome(retrained)
    assert found.measured["before"] == pytest.approx({"train-loss": before[0], "accuracy": before[1]}, rel=1e-5)
    assert found.measured["pruned"] == pytest.approx(
        {"train-loss": pruned[0], "loss-change": abs(pruned[0] - before[0])}, rel=1e-5
    )
    assert found.measured["end"] == pytest.approx(
        {
            "accuracy": end[1],
            "train-loss": end[0],
            "loss-gap": end[0] - before[0],
            "error-gap": before[1] - end[1],
        },
        rel=1e-4,
    )


def test_a_metric_added_to_a_finished_paper_costs_its_own_stages_and_no_training(steps_paper, tmp_path, metrics):
    metrics()

    def prepared(more):
        steps = f'{PRUNE}, {END}, {{ do = "measure", metrics = ["accuracy"{more}] }}'
        steps_paper({"m": steps}, ["odd-metrics"])
        request = Request("steps", store=tmp_path / "store", data=tmp_path / "data", device="cpu", only=("net/m",))
        return prepare(request, fetch=False)

    run_paper(prepared(""), lambda event: None)
    again = prepared(', "per-unit"')
    assert [again.plan.stages[digest].kind for digest in again.todo] == ["measure"]
    record = run_paper(again, lambda event: None)
    assert set(record.cells[0].measured["end"]) == {"accuracy", "per-unit"}
    assert record.metrics["per-unit"].per == "unit"


def test_metrics_of_each_kind_answer_by_network_tensor_and_unit(replay_steps, metrics):
    metrics()
    steps = f"""{PRUNE}, {{ do = "measure", name = "before", metrics = ["draw"] }}, {END},
        {{ do = "measure", metrics = ["draw", "moved", "curvature", "per-unit"], against = "before" }}"""
    measured = measure(replay_steps, steps).measured["end"]
    assert 0 <= measured["draw"] < 1000
    assert all(each > 0 for name in ("moved", "curvature") for each in measured[name].values())
    assert [len(each) for each in measured["per-unit"].values()] == [40, 20, 10]


def test_equal_requests_give_a_metric_equal_random_numbers(replay_steps, metrics):
    metrics()
    steps = f'{PRUNE}, {{ do = "measure", metrics = ["draw"] }}'
    draws = [replay_steps({"m": steps}, plugins=["odd-metrics"], store=each)["m"].measured for each in ("a", "b")]
    assert draws[0] == draws[1]


@pytest.mark.parametrize(
    ("body", "takes", "per", "error", "says"),
    [
        ("raise ValueError('no good')", "alive", "network", BadPlugin, 'metric "odd".*no good'),
        ("return [1.0]", "alive", "network", BadPlugin, "says that it is per network"),
        ("return 1.0", "alive", "tensor", BadPlugin, "says that it is per tensor"),
        ("return {'w': 1.0}", "alive", "unit", BadPlugin, "says that it is per unit"),
        ("return 1.0", "grads", "network", BadConfig, 'asks for "grads", which exists while a network trains'),
        ("return 1.0", "reference", "network", BadConfig, "against = NAME"),
    ],
)
def test_a_metric_that_misbehaves_is_refused_by_name(replay_steps, metrics, body, takes, per, error, says):
    metrics(body, takes, per)
    with pytest.raises(error, match=says):
        measure(replay_steps, f'{PRUNE}, {{ do = "measure", metrics = ["odd"] }}')


def test_a_metric_that_compares_with_what_was_not_measured_says_what_to_add(replay_steps):
    steps = f"""{PRUNE}, {{ do = "measure", name = "before", metrics = ["accuracy"] }},
        {{ do = "measure", metrics = ["loss-gap"], against = "before" }}"""
    with pytest.raises(BadConfig, match=r'"train-loss" of the step "before", which measures accuracy. Add it there'):
        measure(replay_steps, steps, plugins=())


def test_what_is_measured_leaves_the_network_as_it_is(replay_steps, metrics):
    metrics()
    without = measure(replay_steps, f'{PRUNE}, {END}, {{ do = "measure", metrics = ["accuracy"] }}', plugins=())
    steps = f"""{PRUNE}, {{ do = "measure", name = "before", metrics = ["curvature"] }}, {END},
        {{ do = "measure", metrics = ["accuracy"] }}"""
    assert measure(replay_steps, steps).measured["end"] == without.measured["end"]


def test_the_store_holds_a_measurement_by_metric(replay_steps, tmp_path):
    found = measure(replay_steps, f'{PRUNE}, {{ do = "measure", metrics = ["accuracy"] }}', plugins=())
    [measured] = found.of("measure")
    assert measured.json("measurement.json") == found.measured["end"]
    assert Store(tmp_path / "store").expect(measured.folder.name) == measured
