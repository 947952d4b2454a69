"""A filter-pruned network that is made smaller, retrained, and trained from scratch in its shape."""

import shutil
from math import prod

import numpy as np
import pytest
import torch

from pruneproof.contracts.dataset import DataSet
from pruneproof.contracts.model import Model
from pruneproof.errors import BadConfig
from pruneproof.pipeline.prepare import Request, prepare
from pruneproof.pipeline.shapes import initialise
from pruneproof.pipeline.upstream import load_shape, load_weights
from pruneproof.registry.catalog import build_catalog
from pruneproof.training.checkpoint import load_tensors
from pruneproof.values.masks import MaskSet

SIZES = '["parameters", "macs", "accuracy", "densities", "sparsity"]'
SELECT = '{ structure = "filter", scope = "tensor", count = "ceil-keep-one", unprunable = ["classifier.*"] }'
PRUNE = f"""{{ do = "init", name = "init" }}, {{ do = "train", recipe = "dense", epochs = 1, name = "dense" }},
  {{ do = "prune", select = {SELECT} }}"""
SMALL = f"""{PRUNE}, {{ do = "measure", name = "masked", metrics = ["accuracy", "parameters"] }},
  {{ do = "shrink" }}, {{ do = "measure", name = "small", metrics = {SIZES} }},
  {{ do = "train", recipe = "retrain" }}, {{ do = "measure", metrics = {SIZES} }}"""
SCRATCH = f"""{{ do = "shape-of", method = "l1-small" }}, {{ do = "init" }},
  {{ do = "measure", name = "fresh", metrics = ["parameters"] }},
  {{ do = "train", recipe = "dense", epochs = 1 }}, {{ do = "measure", metrics = {SIZES} }}"""
KEPT = (8, 4)
"""Of hidden layers of 40 and 20, at a sparsity of 0.8."""
PARAMETERS = 64 * 8 + 8 + 8 * 4 + 4 + 4 * 10 + 10
MACS = 64 * 8 + 8 * 4 + 4 * 10


def weights_of(finished):
    return load_tensors(finished.file("weights.safetensors"))[0]


@pytest.fixture
def found(replay_steps):
    return replay_steps({"l1-small": SMALL, "scratch": SCRATCH})


def test_a_smaller_network_has_the_sizes_that_one_counts_by_hand(found):
    small = found["l1-small"]
    [shrunk] = small.of("shrink")
    shape = shrunk.json("shape.json")
    assert {name: len(gone) for name, gone in shape["removed"].items()} == {"fc1.weight": 32, "fc2.weight": 16}
    assert shape["kept"] == []
    assert shape["parameters"] == {"before": 64 * 40 + 40 + 40 * 20 + 20 + 20 * 10 + 10, "after": PARAMETERS}
    assert shape["macs"] == {"before": 64 * 40 + 40 * 20 + 20 * 10, "after": MACS}
    assert small.measured["masked"]["parameters"] == shape["parameters"]["before"]
    for name in ("small", "end"):
        assert small.measured[name]["parameters"] == PARAMETERS
        assert small.measured[name]["macs"] == MACS
        assert small.measured[name]["sparsity"] == 0.0
    assert small.measured["small"]["accuracy"] == small.measured["masked"]["accuracy"]
    assert {name: tuple(each.shape) for name, each in weights_of(shrunk).items()} == {
        "fc1.weight": (8, 64), "fc1.bias": (8,), "fc2.weight": (4, 8), "fc2.bias": (4,),
        "classifier.weight": (10, 4), "classifier.bias": (10,),
    }  # fmt: skip
    assert small.measured["end"]["accuracy"] > 10


def test_scratch_has_the_shape_and_the_statistics_of_its_own_fan_in_and_none_of_the_weights(found):
    scratch, small = found["scratch"], found["l1-small"]
    [init] = scratch.of("init")
    fresh, pruned, full = weights_of(init), weights_of(small.of("shrink")[0]), weights_of(small.of("init")[0])
    assert {name: each.shape for name, each in fresh.items()} == {name: each.shape for name, each in pruned.items()}
    for name in ("fc2.weight", "classifier.weight"):  # PyTorch draws from U(-1 / sqrt(fan), 1 / sqrt(fan))
        limit = fresh[name].shape[1] ** -0.5
        assert fresh[name].abs().max() <= limit
        assert fresh[name].abs().max() > 0.8 * limit > full[name].abs().max()
    kept = {value.item() for value in full["fc1.weight"].reshape(-1)}
    assert not kept.intersection(fresh["fc1.weight"].reshape(-1).tolist())
    assert scratch.measured["fresh"]["parameters"] == scratch.measured["end"]["parameters"] == PARAMETERS


def test_scratch_does_not_depend_on_the_values_of_the_weights_it_takes_the_shape_from(tmp_path, replay_steps):
    [first] = replay_steps({"l1-small": SMALL, "scratch": SCRATCH})["scratch"].of("init")
    longer = SMALL.replace("epochs = 1", "epochs = 1, change = { weight_decay = 1e-6 }")
    again = replay_steps({"l1-small": longer, "scratch": SCRATCH}, store="other")
    [second] = again["scratch"].of("init")
    assert first.folder.name != second.folder.name
    assert first.outputs == second.outputs


def test_the_plan_orders_what_needs_what_and_a_second_run_has_nothing_to_do(steps_paper, replay_steps, tmp_path, repro):
    steps_paper({"scratch": SCRATCH, "l1-small": SMALL})  # named before the method whose shape it takes
    asked = Request("steps", store=tmp_path / "store", data=tmp_path / "data", device="cpu", only=("net/*",))
    stages = list(prepare(asked, fetch=False).plan.stages.values())
    assert [each.kind for each in stages].index("shrink") < [each.label for each in stages].index(
        "net · seed 0 · init", 1
    )
    for place, stage in enumerate(stages):
        assert set(stage.upstream.values()) <= {each.digest for each in stages[:place]}
    answer = repro("plan", "steps", "--only", "net/scratch")
    assert answer.status == 0
    assert "shrink" in answer.out
    events = []
    replay_steps({"scratch": SCRATCH, "l1-small": SMALL}, on_event=events.append)
    ran = [event for event in events if event.kind == "start"]
    assert len(ran) == len(stages)
    replay_steps({"scratch": SCRATCH, "l1-small": SMALL}, on_event=events.append)
    assert len([event for event in events if event.kind == "start"]) == len(ran)


def test_a_stage_that_is_lost_is_made_again_to_the_same_bits(replay_steps, found, outputs, tmp_path):
    before = outputs(tmp_path / "store")
    for kind, stage in [*found["l1-small"].stages, *found["scratch"].stages]:
        if kind != "prune":
            shutil.rmtree(stage.folder, ignore_errors=True)
    replay_steps({"l1-small": SMALL, "scratch": SCRATCH})
    assert outputs(tmp_path / "store") == before


def test_dead_weights_within_kept_filters_stay_dead_in_the_smaller_network(replay_steps, tmp_path):
    steps = f"""{PRUNE}, {{ do = "prune", sparsity = 0.9 }},
      {{ do = "shrink" }}, {{ do = "measure", name = "small", metrics = {SIZES} }},
      {{ do = "train", recipe = "retrain" }}, {{ do = "measure", metrics = {SIZES} }}"""
    found = replay_steps({"both": steps})["both"]
    [shrunk], retrained = found.of("shrink"), found.of("train")[-1]
    masks = MaskSet.load(shrunk.file("mask.safetensors"))
    assert 0 < masks.count() < masks.size()
    pruned, removed = MaskSet.load(found.of("prune")[-1].file("mask.safetensors")), shrunk.json("shape.json")["removed"]
    first = np.delete(pruned.array("fc2.weight"), removed["fc1.weight"], 1)
    assert np.array_equal(masks.array("fc2.weight"), np.delete(first, removed["fc2.weight"], 0))
    for stage in (shrunk, retrained):
        weights = weights_of(stage)
        assert {name: tuple(weights[name].shape) for name in masks} == dict(masks.shapes)
        assert all(not weights[name][~masks[name]].any() for name in masks)
    assert found.measured["small"]["densities"] == found.measured["end"]["densities"]
    catalog = build_catalog(["builtin"])
    data, model = catalog.get(DataSet, "digits").load(tmp_path), catalog.get(Model, "mlp")
    large, small = (model.build(data.shape, data.classes, hidden=[40, 20]).double() for _ in range(2))
    large.load_state_dict(weights_of(found.of("train")[0]))
    pruned.apply_(large)
    load_shape(shrunk, small)
    load_weights(shrunk, small.float())
    small.double()
    [(x, _)] = list(data.batches("test", 5000))
    torch.testing.assert_close(small(x.double()), large(x.double()), rtol=0, atol=1e-6)  # weights in single precision


def test_a_residual_network_of_coupled_channels_is_cut_and_verified(steps_paper, repro, tmp_path):
    steps = """{ do = "init" },
      { do = "prune", select = { structure = { id = "coupled", residual = "together" }, scope = "tensor" } },
      { do = "measure", name = "masked", metrics = ["test-loss"] }, { do = "shrink" },
      { do = "measure", name = "small", metrics = ["test-loss", "parameters", "sparsity"] },
      { do = "train", recipe = "retrain" }, { do = "measure", metrics = ["parameters"] }"""
    folder = steps_paper({"streams": steps.replace("\n", " "), "scratch": SCRATCH.replace("l1-small", "streams")})
    runs = (folder / "runs.toml").read_text()
    model = '{ id = "resnet-8", width = 4, shortcut = "B" }'
    (folder / "runs.toml").write_text(runs.replace('{ id = "mlp", hidden = [40, 20] }', model).replace("0.8]", "0.5]"))
    answer = repro("run", "steps", "--only", "net/*", "--json", "--workers", "1")
    cells = {cell["method"]: cell["measured"] for cell in answer.json["cells"]}
    streams = cells["streams"]
    assert streams["small"]["test-loss"] == pytest.approx(streams["masked"]["test-loss"], rel=1e-5)
    by_hand = resnet_8(2, 4, 8)  # half of 4, 8, 16
    assert streams["small"]["parameters"] == streams["end"]["parameters"] == by_hand
    assert cells["scratch"]["end"]["parameters"] == by_hand
    assert streams["small"]["sparsity"] == 0.0
    record = tmp_path / "record.json"
    record.write_text(answer.out)
    assert repro("verify", record, "--workers", "1").status == 0


def resnet_8(*widths):
    """Count the parameters of three blocks with convolved shortcuts, for images of one channel and ten classes."""
    total, before = 9 * widths[0] + 2 * widths[0], widths[0]
    for width in widths:
        total += 9 * before * width + 9 * width * width + 2 * 2 * width
        total += before * width + 2 * width if width != before else 0
        before = width
    return total + 10 * before + 10


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ('{ do = "init" }, { do = "shrink" }', "no mask to shrink by"),
        (f'{PRUNE}, {{ do = "shrink" }}, {{ do = "shrink" }}', "shrunk already"),
        (f'{PRUNE}, {{ do = "shrink" }}, {{ do = "rewind", to = "init" }}', "another shape"),
        (f'{PRUNE}, {{ do = "shrink" }}, {{ do = "train", recipe = "retrain", from = "dense" }}', "another shape"),
        (f'{PRUNE.replace("prune", "prune", 1)}, {{ do = "prune", name = "more" }}, {{ do = "shrink" }}, '
         '{ do = "adopt", mask = "more" }', "another shape"),
    ],
)  # fmt: skip
def test_steps_that_do_not_fit_a_shrunk_network_are_refused(steps_paper, tmp_path, steps, words):
    steps_paper({"odd": f'{steps}, {{ do = "measure" }}'.replace("\n", " ")})
    with pytest.raises(BadConfig, match=words):
        prepare(Request("steps", store=tmp_path, data=tmp_path, device="cpu", only=("net/*",)), fetch=False)


def test_a_model_that_nothing_can_draw_in_another_shape_is_refused_in_one_sentence():
    [model] = [each for each in build_catalog(["builtin"]).entries(Model).values() if each.value.id == "fastgrnn"]
    network = model.value.build((6, 9), 2, hidden=4, rank_w=2, rank_u=2)
    with pytest.raises(BadConfig, match="names no initialiser"):
        initialise(network, model.value)
    assert prod(network.W1.shape) == 18
