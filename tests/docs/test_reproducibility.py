"""docs/reproducibility.md against the streams of randomness and what `repro verify` answers."""

import re
from pathlib import Path
from typing import get_args

from pruneproof.pipeline.compare import OUTCOMES
from pruneproof.training.seeding import Stream

PAGE = (Path(__file__).parents[2] / "docs" / "reproducibility.md").read_text(encoding="utf-8")


def test_every_stream_of_randomness_is_listed():
    table = PAGE.split("| stream | occasion | feeds |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(get_args(Stream))


def test_every_outcome_of_verify_is_named():
    section = " ".join(PAGE.split("## repro verify")[1].split("\n## ")[0].split())
    for outcome in OUTCOMES:
        assert outcome in section
