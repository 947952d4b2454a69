"""Figures of losses: what they show, and that controls do not enter the grid's lines."""

import numpy as np
import pytest

from pruneproof.papers.record import Cell, Record
from pruneproof.report.plots import draw
from pruneproof.report.results import DENSE
from pruneproof.values.measurements import Measurement

STEPS, PENALTIES, SEEDS = (1, 14, 140), (0.0, 0.01, 100.0), (3, 4, 5)


def cell(method: str, seed: int, change: float, gap: float, *, epochs: int = 5, **arm: object) -> Cell:
    measurement = Measurement(
        accuracy=95.0 - gap,
        accuracy_best=95.0,
        accuracy_before=40.0,
        loss=0.1 if epochs else None,
        diverged=False,
        weights=100,
        alive=5,
        macs_pruned=0.9,
        constant_output=False,
        epochs=20 + epochs,
        densities={"w": 0.05},
        accuracy_dense=95.0,
        loss_dense=0.02,
        loss_pruned=0.02 + change,
        loss_retrained=0.1,
    )
    return Cell(
        run="net", method=method, sparsity=0.95, seed=seed, stages=("s",), measurement=measurement.to_json(), arm=arm
    )


def grid() -> list[Cell]:
    rng = np.random.default_rng(0)
    cells = []
    for seed in SEEDS:
        cells.append(cell("mp", seed, 2.0 + rng.normal(0, 0.01), 9.0, criterion="magnitude", options={}, steps=1))
        for place, name in enumerate(("linear-model", "obd")):
            for steps in STEPS:
                for penalty in PENALTIES:
                    change = 2.0 - 0.3 * np.log10(steps) * (penalty < 1) - 0.1 * place + rng.normal(0, 0.01)
                    arm = {"criterion": name, "options": {"penalty": penalty}, "steps": steps}
                    cells.append(cell(f"{name}-{steps}-{penalty:g}", seed, change, 5 * change, **arm))
        control = {"criterion": "obd", "options": {}, "steps": 140, "resample": False}
        cells.append(cell("obd-140-fixed", seed, 0.123, 0.0, epochs=0, **control))
    return cells


@pytest.fixture
def with_losses(record: Record) -> Record:
    return record.model_copy(update={"cells": tuple(grid()), "claims": ()})


def test_a_run_with_losses_has_its_three_figures(with_losses: Record) -> None:
    names = [plot.name for plot in draw(with_losses)["net"]]
    assert names == ["net-loss-steps", "net-loss-penalty", "net-before-after"]


def test_the_same_record_gives_the_same_bytes(with_losses: Record) -> None:
    assert draw(with_losses) == draw(with_losses)


def test_figures_name_every_criterion_and_the_panels_their_steps(with_losses: Record) -> None:
    steps, penalties, after = draw(with_losses)["net"]
    for plot in (steps, penalties, after):
        for name in ("magnitude", "linear-model", "obd"):
            assert f">{name}<" in plot.svg
    for title in ("1 step", "14 steps", "140 steps"):
        assert f">{title}<" in penalties.svg


def test_the_correlation_is_told_with_its_interval(with_losses: Record) -> None:
    assert "τ = 0." in draw(with_losses)["net"][2].svg
    assert "n = 3" in draw(with_losses)["net"][2].svg


def test_controls_and_arms_that_were_not_retrained_stay_out(with_losses: Record) -> None:
    cells = [each for each in with_losses.cells if each.method != "obd-140-fixed"]
    assert draw(with_losses) == draw(with_losses.model_copy(update={"cells": tuple(cells)}))


def test_one_seed_and_a_single_setting_can_be_drawn(record: Record) -> None:
    cells = [each for each in grid() if each.seed == SEEDS[0]]
    one = record.model_copy(update={"cells": tuple(cells), "claims": ()})
    assert len(draw(one)["net"]) == 3
    plain = [each for each in cells if each.method in (DENSE, "mp", "obd-1-0")]
    assert draw(record.model_copy(update={"cells": tuple(plain), "claims": ()}))["net"] == []


@pytest.mark.parametrize(("gap", "scaled"), [(9.0, False), (90.0, True)], ids=["one decade", "an outlier"])
def test_an_arm_far_off_does_not_press_the_others_together(with_losses: Record, gap: float, *, scaled: bool) -> None:
    control = {"criterion": "random", "options": {}, "steps": 1}
    cells = [*grid(), *(cell("random", seed, 2.3, gap, **control) for seed in SEEDS)]
    after = draw(with_losses.model_copy(update={"cells": tuple(cells)}))["net"][2]
    assert (">50<" in after.svg) == scaled
