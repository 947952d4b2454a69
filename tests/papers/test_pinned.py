"""What holds for the pinned runs and claims of every paper."""

import re
import tomllib
from pathlib import Path

import pytest

RUNS = sorted((Path(__file__).parents[2] / "papers").glob("*/runs.toml"))


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.parent.name)
def test_every_value_line_of_the_runs_carries_its_reason(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        value = re.match(r"[\w.-]+ = ", line)
        if value and not line.startswith("about = "):
            assert re.search(r"\s# \S+", line), f"runs.toml, line {number}"


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.parent.name)
def test_every_value_inside_a_step_carries_its_reason_above_it_or_behind_it(path):
    """A line of steps has `# key = value: reason` above it for each value, or one reason behind it."""
    above = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if re.match(r"\s+#", line):
            above.append(line.strip(" #"))
        elif re.match(r"\s+\{", line):
            step, _, behind = line.partition("# ")
            for key, value in re.findall(r'([\w.-]+) = ("[^"]*"|[\w.+-]+|\[[^\]]*\])', step):
                known = behind or any(re.match(rf"{re.escape(f'{key} = {value}')}: \S", each) for each in above)
                assert key in WIRING or known, f"runs.toml, line {number}: {key} = {value}"
            above = []
        else:
            assert not above, f"runs.toml, line {number}: reasons that belong to no step"


WIRING = {"do", "name", "recipe", "to", "from", "mask", "against", "method", "metrics"}
"""Keys that say which step or recipe is meant, and choose nothing."""


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.parent.name)
def test_every_claim_can_be_read_without_the_one_before_it(path):
    claims = tomllib.loads((path.parent / "claims.toml").read_text(encoding="utf-8"))["claim"]
    leaning = [each["id"] for each in claims if re.match(r"(And|But|Or|So|Also|Likewise|The same)\b", each["text"])]
    assert leaning == []
