"""docs/reproducibility.md against the streams of randomness and the outputs that are compared."""

import re
from pathlib import Path
from typing import get_args

from pruneproof.pipeline.kinds.table import COMPARED
from pruneproof.training.seeding import Stream

PAGE = (Path(__file__).parents[2] / "docs" / "reproducibility.md").read_text(encoding="utf-8")


def test_every_stream_of_randomness_is_listed():
    table = PAGE.split("| stream | occasion | feeds |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(get_args(Stream))


def test_the_outputs_that_verify_compares_are_listed():
    section = PAGE.split("## repro verify")[1].split("\n## ")[0]
    assert set(re.findall(r"`([\w.]+\.(?:json|safetensors))`", section)) - {"record.json"} == COMPARED
