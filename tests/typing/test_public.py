"""What a type checker knows of the package's own names: `make check` runs mypy over this file, pytest runs it."""

from pathlib import Path
from typing import Any, assert_type

import torch

import pruneproof as pp

RECORD = next((Path(__file__).parents[2] / "papers" / "gradient-flow" / "records").glob("mini-*.json"))


def test_a_record_that_is_loaded_gives_rows() -> None:
    view = assert_type(pp.load_record(RECORD), pp.RecordView)
    rows: list[dict[str, Any]] = view.cells()
    assert isinstance(rows[0]["accuracy"], float)
    assert_type(view.verdicts, dict[str, str])
    assert assert_type(view.record.profile, str) == "mini"
    assert list(view.claims().columns)


def test_a_selection_gives_masks_by_name() -> None:
    model = torch.nn.Linear(4, 2)
    masks = assert_type(pp.select(model, sparsity=0.5), pp.MaskSet)
    assert assert_type(masks["weight"], torch.Tensor).dtype == torch.bool
    assert assert_type(masks.count(), int) == 4
    masks.apply_(model)


def run_of_a_part() -> pp.RecordView:
    """Only read by the type checker: it would train for minutes."""
    assert_type(
        pp.run("global-mp", "mini", only=["mlp/global"], seeds=(0, 1), plugins=[Path("mine.py")]), pp.RecordView
    )
    return pp.run("2209.14624", seeds=3, settings="criterion=snip", progress=False)
