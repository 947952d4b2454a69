"""A record is text that git can merge, and records of the first format are read on."""

import json

from pruneproof.papers.record import Record
from pruneproof.papers.record_text import record_text

FULL = "0123456789abcdef" * 4
FIRST_FORMAT = {
    "format": "pruneproof-record/1",
    "paper": "tiny", "arxiv": "0000.00001", "title": "t", "profile": "mini", "scale": "small",
    "beside": ["snip"], "variant": ["criterion=snip"], "seeds": [0], "plan": FULL, "created": "2020", "seconds": 1.0,
    "environment": {"device": "cpu"}, "data": {}, "plugins": [], "stages": [], "claims": [],
    "cells": [
        {
            "run": "r", "method": "m", "sparsity": 0.5, "seed": 0, "stages": [FULL],
            "measurement": {
                "accuracy": 90.0, "accuracy_best": 92.0, "accuracy_before": 40.0, "loss": 0.25, "diverged": False,
                "weights": 10, "alive": 5, "macs_pruned": 0.5, "constant_output": False, "epochs": 3,
                "densities": {"a": 1.0, "b": 0.0}, "accuracy_dense": 95.0, "loss_dense": 0.5, "loss_pruned": 2.0,
                "loss_retrained": 0.75,
            },
            "arm": {"criterion": "linear-model", "scope": "global", "steps": 14, "resample": True,
                    "options": {"penalty": 0.1}},
        },
        {
            "run": "r", "method": "dense", "sparsity": 0.0, "seed": 0, "stages": [FULL],
            "measurement": {"accuracy": 95.0, "densities": {"a": 1.0}},
        },
    ],
}  # fmt: skip


def stage(number):
    return {
        "digest": f"{number:064d}",
        "kind": "train",
        "label": f"l{number}",
        "outputs": {"mask": FULL},
        "seconds": 1.5,
    }


def test_each_stage_cell_and_claim_has_a_line_of_its_own():
    cell = {"run": "r", "stages": [FULL], "measured": {"end": {"accuracy": 1.0}}}
    content = {"paper": "tiny", "stages": [stage(1), stage(2)], "cells": [cell], "claims": []}
    lines = record_text(content).splitlines()
    assert [line for line in lines if line.startswith('{"digest"')] == lines[lines.index('"stages": [') + 1 :][:2]
    assert '"claims": []' in lines
    assert sum(line.startswith('{"run"') for line in lines) == 1


def test_numbers_are_kept_to_the_last_digit():
    read = json.loads(record_text({"seconds": 0.1 + 0.2, "stages": [stage(1)], "cells": [], "claims": []}))
    assert read["seconds"] == 0.1 + 0.2


def test_a_record_of_the_first_format_is_read_as_one_of_today(tmp_path):
    path = tmp_path / "record.json"
    path.write_text(json.dumps(FIRST_FORMAT))
    record = Record.load(path)
    assert record.twins == ("snip",)
    pruned, dense = record.cells
    assert pruned.settings == {"criterion": "linear-model", "scope": "global", "iterations": 14, "penalty": 0.1}
    end, before = pruned.measured["end"], pruned.measured["pruned"]
    assert {name: end[name] for name in ("accuracy", "accuracy-best", "last-epoch-loss", "train-loss")} == {
        "accuracy": 90.0,
        "accuracy-best": 92.0,
        "last-epoch-loss": 0.25,
        "train-loss": 0.75,
    }
    assert (end["loss-gap"], end["error-gap"], end["empty-tensors"]) == (0.25, 5.0, 1)
    assert before == {"accuracy": 40.0, "train-loss": 2.0, "error-gap": 55.0, "loss-change": 1.5}
    assert set(dense.measured) == {"end"}
    assert dense.settings == {}


def test_a_record_of_the_first_format_is_saved_as_one_of_today(tmp_path):
    path = tmp_path / "record.json"
    path.write_text(json.dumps(FIRST_FORMAT))
    record = Record.load(path)
    record.save(path)
    assert json.loads(path.read_text())["format"] == "pruneproof-record/2"
    assert Record.load(path).cells[0].measured == record.cells[0].measured
