"""The README's example runs and prints what it says."""

import re
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
[PRINTED] = re.findall(r"```text\n(.*?)```", README, re.DOTALL)
EXAMPLE, ONE_MATRIX = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
FIGURE = r"\d\.\d{3}"


def figures(text):
    return [float(found) for found in re.findall(FIGURE, text)]


def test_the_example_prints_what_the_readme_shows(capsys):
    exec(EXAMPLE, {})
    printed = capsys.readouterr().out
    assert re.sub(FIGURE, "", printed) == re.sub(FIGURE, "", PRINTED)
    assert figures(printed) == pytest.approx(figures(PRINTED), rel=0.05)


def test_without_large_features_the_errors_are_those_that_the_readme_names(capsys):
    exec(EXAMPLE.replace("norm.weight[:4] = 10.0", "pass"), {})
    magnitude, _, wanda, _, sparsegpt, _ = figures(capsys.readouterr().out)
    alike, better = (
        float(found) for found in re.findall(r"at (0\.\d+) each .*?SparseGPT has\s(0\.\d+)\.", README, re.S)[0]
    )
    assert [magnitude, wanda, sparsegpt] == pytest.approx([alike, alike, better], rel=0.05)


def test_one_matrix_alone(capsys):
    exec(ONE_MATRIX, values := {})
    assert values["mask"].sum() == 64
    assert not values["pruned"][~values["mask"]].any()
