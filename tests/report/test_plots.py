import subprocess
import sys
from itertools import pairwise
from xml.etree import ElementTree

import matplotlib as mpl
import pytest

from pruneproof.papers.record import Cell, Record
from pruneproof.report.canvas import PALETTE, Plot
from pruneproof.report.plots import draw, themed
from pruneproof.report.results import methods

TEXT = "{http://www.w3.org/2000/svg}text"


@pytest.fixture(scope="module")
def plots(record: Record) -> dict[str, list[Plot]]:
    return draw(record)


def text(plot: Plot) -> list[str]:
    root = ElementTree.fromstring(plot.svg)
    return ["".join(each.itertext()) for each in root.iter(TEXT)]


def named(plots: dict[str, list[Plot]], name: str) -> Plot:
    return next(plot for group in plots.values() for plot in group if plot.name == name)


def changed(record: Record, **values: object) -> Record:
    """Keep one run, without claims, and replace fields of every measurement."""
    cells: tuple[Cell, ...] = tuple(
        cell.model_copy(update={"measurement": cell.measurement | values})
        for cell in record.cells
        if cell.run == "mobilenet"
    )
    return record.model_copy(update={"cells": cells, "claims": ()})


def test_the_same_record_gives_the_same_bytes(record: Record, plots: dict[str, list[Plot]]) -> None:
    assert draw(record) == plots


def test_no_date_and_no_version_is_in_a_figure(plots: dict[str, list[Plot]]) -> None:
    for group in plots.values():
        for plot in group:
            assert "<dc:date>" not in plot.svg
            assert mpl.__version__ not in plot.svg


def test_every_run_with_pruned_networks_has_its_figures(plots: dict[str, list[Plot]]) -> None:
    assert [plot.name for plot in plots["mlp"]] == ["mlp-accuracy", "mlp-macs", "mlp-seeds", "mlp-density"]
    assert [plot.name for plot in plots[""]] == ["claims"]


def test_axes_are_labelled_by_sparsity(plots: dict[str, list[Plot]]) -> None:
    assert {"80 %", "90 %", "95 %", "98 %", "99 %"} <= set(text(named(plots, "mlp-accuracy")))
    assert {"80 %", "90 %"} <= set(text(named(plots, "mobilenet-accuracy")))


def test_every_method_is_named_and_keeps_its_colour_in_every_figure(
    record: Record, plots: dict[str, list[Plot]]
) -> None:
    for place, method in enumerate(methods(record)):
        for name in ("mlp-accuracy", "mobilenet-accuracy"):
            plot = named(plots, name)
            if method in text(plot):
                label = plot.svg.index(f">{method}<")
                style = plot.svg[plot.svg.rindex("<text", 0, label) : label]
                assert PALETTE[place] in style
    assert set(methods(record)) - {"floor"} <= set(text(named(plots, "mlp-accuracy")))


def test_method_labels_do_not_overlap(plots: dict[str, list[Plot]], record: Record) -> None:
    root = ElementTree.fromstring(named(plots, "mlp-accuracy").svg)
    labels = [each for each in root.iter(TEXT) if "".join(each.itertext()) in methods(record)]
    heights = sorted(float(each.attrib["y"]) for each in labels)
    assert len(heights) == 7
    assert min(below - above for above, below in pairwise(heights)) > 8


def test_empty_tensors_are_marked(plots: dict[str, list[Plot]]) -> None:
    assert text(named(plots, "mobilenet-density")).count("×") == 8
    assert "×" not in text(named(plots, "mlp-density"))


def test_the_forest_shows_each_rerun_claim_with_a_value(record: Record, plots: dict[str, list[Plot]]) -> None:
    shown = " ".join(text(plots[""][0]))
    for claim in record.claims:
        assert (f" {claim.id} " in f"{shown} ") == (claim.kind == "re-run" and claim.value is not None)


def test_what_has_no_figure_draws_none(record: Record) -> None:
    dense = record.model_copy(
        update={"cells": tuple(cell for cell in record.cells if cell.method == "dense"), "claims": ()}
    )
    assert draw(dense) == {"": []}


@pytest.mark.parametrize(
    "values",
    [
        {"accuracy": 100.0},
        {"accuracy": 0.0},
        {"macs_pruned": 0.0},
        {"macs_pruned": 1.0},
        {"loss": None, "diverged": True},
    ],
)
def test_extreme_measurements_can_be_drawn(record: Record, values: dict[str, object]) -> None:
    found = draw(changed(record, **values))
    assert all(ElementTree.fromstring(plot.svg) is not None for group in found.values() for plot in group)


def test_networks_that_lost_all_or_no_multiply_adds_have_no_figure_of_them(record: Record) -> None:
    for value in (0.0, 1.0):
        found = draw(changed(record, macs_pruned=value))
        assert "mobilenet-macs" not in [plot.name for plot in found["mobilenet"]]


def test_one_seed_and_one_sparsity_can_be_drawn(record: Record) -> None:
    few = tuple(cell for cell in record.cells if cell.seed == 0 and cell.sparsity in (0.0, 0.9))
    found = draw(record.model_copy(update={"cells": few, "claims": ()}))
    assert "no interval" in named(found, "mlp-accuracy").caption


def test_captions_say_what_the_bands_are(plots: dict[str, list[Plot]]) -> None:
    assert "Student's 95 % intervals" in named(plots, "mlp-accuracy").caption
    assert "range of 3 seeds" in named(plots, "mobilenet-accuracy").caption


def test_small_differences_stay_apart_beside_large_ones(record: Record) -> None:
    def panel(values: tuple[float, ...]) -> list[str]:
        claim = next(claim for claim in record.claims if claim.id == "r1")
        spread = [{"value": value, "low": value - 0.1, "high": value + 0.1} for value in values]
        claims = tuple(claim.model_copy(update={"id": f"c{i}"} | each) for i, each in enumerate(spread))
        return text(draw(record.model_copy(update={"claims": claims}))[""][0])

    assert {"0", "1", "10"} <= set(panel((0.5, 80.0)))
    assert "10" not in panel((0.5, 3.0))


def test_dollar_signs_are_not_mathematics(record: Record) -> None:
    odd = next(claim for claim in record.claims if claim.id == "r1").model_copy(
        update={"text": r"$\nonsense$ costs 5$"}
    )
    assert any("costs 5$" in each for each in text(draw(record.model_copy(update={"claims": (odd,)}))[""][0]))


def test_matplotlibs_settings_are_left_and_not_obeyed(record: Record, plots: dict[str, list[Plot]]) -> None:
    with mpl.rc_context({"font.size": 31.0, "axes.facecolor": "red"}):
        assert draw(record) == plots
        assert mpl.rcParams["font.size"] == 31.0


def test_pyplot_is_not_imported() -> None:
    code = "import sys, pruneproof.report.html; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_themed_figure_takes_the_colours_of_the_page_and_has_ids_of_its_own(plots: dict[str, list[Plot]]) -> None:
    plot = named(plots, "mlp-accuracy")
    svg = themed(plot)
    assert svg.startswith('<svg role="img" aria-labelledby="mlp-accuracy-caption"')
    assert "var(--ink)" in svg
    assert "var(--series-1)" in svg
    assert PALETTE[0] not in svg
    root = ElementTree.fromstring(svg.replace("<svg ", '<svg xmlns:xlink="http://www.w3.org/1999/xlink" ', 1))
    ids = {each.attrib["id"] for each in root.iter() if "id" in each.attrib}
    used = {each.attrib[key][1:] for each in root.iter() for key in each.attrib if key.endswith("href")}
    assert used <= ids
    assert all(each.startswith("mlp-accuracy-") for each in ids)
