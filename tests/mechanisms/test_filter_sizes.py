"""Printed sizes of filter-pruned networks, and agreement with networks that are really cut."""

import pytest
import torch

from pruneproof.api import Selection, macs, select_masks, slim
from pruneproof.errors import BadConfig
from pruneproof.mechanisms.filter_sizes import filter_pruned_size
from pruneproof.mechanisms.networks import build, magnitudes
from pruneproof.registry.catalog import build_catalog

CATALOG = build_catalog(["builtin"])
RESNET_34 = {"model": "resnet-34", "shape": (3, 224, 224), "traced": (3, 32, 32), "layers": ["layer*.conv1.weight"]}
RESNET_50 = {
    "model": "resnet-50",
    "shape": (3, 224, 224),
    "classes": 1000,
    "traced": (3, 32, 32),
    "layers": [f"layer{stage}.*.conv[12].weight" for stage in (1, 2, 3, 4)],
}
RESNET_56 = {"model": "resnet-56", "shape": (3, 32, 32), "classes": 10, "layers": ["stages.*.conv1.weight"]}
VGG_19 = {"model": "vgg-19", "shape": (3, 32, 32), "classes": 100, "layers": ["features.[!0]*.weight"], "per_mac": 2}
RATIOS = (0.1, 0.3, 0.5, 0.7, 0.9, 0.95)


def rows(ratios, **printed):
    """Return a row per ratio with what is printed for it."""
    return [
        {"ratio": ratio, **{key.replace("_", "-"): found[place] for key, found in printed.items()}}
        for place, ratio in enumerate(ratios)
    ]


def found(parameters, rows, **more):
    return {fact.statement: fact.found for fact in filter_pruned_size(CATALOG, rows=rows, **parameters, **more)}


def all_hold(parameters, rows, **more):
    wrong = [fact for fact in filter_pruned_size(CATALOG, rows=rows, **parameters, **more) if not fact.holds]
    assert wrong == []


def test_resnet_34_has_the_printed_flops_and_speed_ups_with_100_classes():
    table = rows(
        RATIOS,
        flops=("3.30", "2.59", "1.90", "1.19", "0.48", "0.30"),
        speed_up=("1.11", "1.41", "1.93", "3.09", "7.68", "12.06"),
    )
    all_hold(RESNET_34, [{"ratio": 0, "flops": "3.66"}, *table], classes=100)


def test_with_1000_classes_it_has_them_to_three_digits_but_another_last_speed_up():
    table = rows(RATIOS, flops=("3.300", "2.592", "1.901", "1.186", "0.477", "0.304"))
    all_hold(RESNET_34, [{"ratio": 0, "flops": "3.664"}, *table], classes=1000)
    last = found(RESNET_34, [{"ratio": 0.95, "speed-up": "12.06"}], classes=1000)
    assert last == {"resnet-34 at 0.95: speed-up": "12.04"}


def test_resnet_50_has_the_printed_speed_ups_where_two_convolutions_of_each_bottleneck_are_pruned():
    table = rows(([0.60, 0.60, 0.60, 0.21], [0.74, 0.74, 0.60, 0.21]), speed_up=("2.31", "2.56"))
    all_hold(RESNET_50, table)


def test_vgg_19_has_the_printed_parameters_at_other_ratios_than_printed_and_half_of_the_speed_ups():
    table = rows((0.1, 0.3, 0.5, 0.7), removed=("19.24", "51.01", "74.87", "90.98"))
    all_hold(VGG_19, [{"ratio": 0, "flops": "0.80"}, *table])
    all_hold(VGG_19, rows((0.1, 0.3), speed_up=("1.23", "1.97")))
    speed_ups = found(VGG_19, rows((0.5, 0.7), speed_up=("3.60", "8.84")))
    assert [*speed_ups.values()] == ["3.61", "8.89"]
    assert "19.24" not in found(VGG_19, [{"ratio": 0.3, "removed": "19.24"}]).values()


def test_resnet_56_has_the_printed_weights_at_the_ratio_0_9_with_projections():
    options = {"model_options": {"shortcut": "B"}}
    all_hold(RESNET_56, [{"ratio": 0.9, "removed": "90.39"}], counted="weights", **options)
    all_hold(RESNET_56, [{"ratio": 0, "flops": "0.25"}], per_mac=2, **options)


def test_no_one_reading_of_resnet_56_gives_all_its_printed_rows():
    table = rows(
        (0.3, 0.5, 0.7, 0.9),
        removed=("31.14", "49.82", "70.57", "90.39"),
        speed_up=("1.45", "1.99", "3.59", "11.41"),
    )
    right = {}
    for shortcut in ("A", "B"):
        for counted in ("parameters", "weights"):
            facts = filter_pruned_size(
                CATALOG, rows=table, counted=counted, model_options={"shortcut": shortcut}, **RESNET_56
            )
            right[shortcut, counted] = sum(fact.holds for fact in facts)
    assert max(right.values()) < len(table) * 2
    assert max(right, key=right.__getitem__) == ("A", "parameters")


@pytest.mark.parametrize("ratio", [0.3, 0.9])
def test_the_network_that_is_really_cut_has_that_size(ratio):
    shape, options = (1, 8, 8), {"width": 8, "shortcut": "B"}
    network = build(CATALOG, "resnet-14", shape=shape, options=options)
    pruned = [name for name in network.weights if name.startswith("stages") and name.endswith("conv1.weight")]
    others = tuple(name for name in network.weights if name not in pruned)
    selection = Selection(structure="filter", scope="tensor", count="ceil-keep-one", unprunable=others)
    masks = select_masks(magnitudes(network), sparsity=ratio, selection=selection, catalog=CATALOG)
    small = slim(network.module, masks, torch.zeros(1, *shape))
    removed = 100 * (1 - small.parameters_after / small.parameters_before)
    speed_up = sum(macs(network.module, shape).values()) / sum(macs(small.model, shape).values())
    row = {"ratio": ratio, "removed": f"{removed:.6f}", "speed-up": f"{speed_up:.6f}"}
    layers = ["stages.*.conv1.weight"]
    facts = filter_pruned_size(
        CATALOG, model="resnet-14", shape=shape, classes=10, layers=layers, rows=[row], model_options=options
    )
    assert [fact.holds for fact in facts] == [True, True]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": [{"ratio": 0.5, "speedup": "2"}]}, "speed-up"),
        ({"rows": [{"ratio": [0.5, 0.5]}]}, "a list of 1"),
        ({"rows": [{"ratio": 1.5}]}, "a ratio in"),
        ({"rows": [{"ratio": 0.5, "flops": "nan"}]}, '"nan"'),
        ({"layers": ["nowhere"], "rows": [{"ratio": 0.5}]}, 'fits "nowhere"'),
        ({"layers": ["classifier.weight"], "rows": [{"ratio": 0.5}]}, "output of the network"),
        ({"counted": "bytes", "rows": []}, '"bytes"'),
    ],
)
def test_what_cannot_be_computed_is_refused(change, message):
    parameters = {"model": "mlp-7", "shape": (1, 8, 8), "classes": 10, "layers": ["fc*.weight"], **change}
    with pytest.raises(BadConfig, match=message):
        filter_pruned_size(CATALOG, **parameters)
