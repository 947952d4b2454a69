"""What holds for the pinned runs of every paper."""

import re
from pathlib import Path

import pytest

RUNS = sorted((Path(__file__).parents[2] / "papers").glob("*/runs.toml"))


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.parent.name)
def test_every_value_line_of_the_runs_carries_its_reason(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        value = re.match(r"[\w.-]+ = ", line)
        if value and not line.startswith("about = "):
            assert re.search(r"\s# \S+", line), f"runs.toml, line {number}"
