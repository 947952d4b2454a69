import tomllib

import pytest

from pruneproof.errors import BadConfig
from pruneproof.papers.grid import expand
from pruneproof.papers.load import load_paper
from pruneproof.papers.locate import locate

TEXT = """\
title = "{steps} stays"

[[arms]]
method = "plain"

[[arms]]
grid = { criterion = ["lm", "qm"], steps = [1, 14] }
method = "{criterion}-{steps}"
criterion = { id = "{criterion}" }
steps = "{steps}"
other = "{unknown}"

[[arms]]
method = "last"
"""


def test_a_grid_is_one_table_per_combination_the_last_list_running_fastest():
    content, _ = expand(tomllib.loads(TEXT), {})
    assert [arm["method"] for arm in content["arms"]] == ["plain", "lm-1", "lm-14", "qm-1", "qm-14", "last"]
    assert content["arms"][4] == {
        "method": "qm-14",
        "criterion": {"id": "qm"},
        "steps": 14,
        "other": "{unknown}",
    }
    assert content["title"] == "{steps} stays"


def test_every_copy_keeps_the_line_of_its_table_and_what_follows_keeps_its_own():
    content, lines = expand(tomllib.loads(TEXT), locate(TEXT))
    assert [lines["arms", number, "method"] for number in range(6)] == [4, 8, 8, 8, 8, 14]
    assert len(content["arms"]) == 6


def test_grids_nest_and_numbers_are_written_shortly():
    table = {
        "claim": [
            {
                "grid": {"c": ["lm"]},
                "id": "{c}",
                "operands": [{"grid": {"p": [0.0, 1e-05, 100.0]}, "method": "{c}-{p}", "penalty": "{p}"}],
            }
        ]
    }
    [claim] = expand(table, {})[0]["claim"]
    assert claim["id"] == "lm"
    assert [each["method"] for each in claim["operands"]] == ["lm-0", "lm-1e-05", "lm-100"]
    assert [each["penalty"] for each in claim["operands"]] == [0.0, 1e-05, 100.0]


def test_content_without_a_grid_is_left_as_it_is():
    table = {"a": [1, "{x}", [{"b": None}]], "grid": {"x": [1]}}
    assert expand(table, {})[0] == table


@pytest.mark.parametrize(
    ("old", "new", "kind", "message"),
    [
        (
            'method = "uniform"',
            'method = "uniform-{x}"\ngrid = { x = 3 }',
            BadConfig,
            "runs.toml, line \\d+: grid is {'x': 3}; a table of lists",
        ),
        ('method = "uniform"', 'method = "u-{x}"\ngrid = { x = ["A"] }', BadConfig, "runs.toml, line \\d+.*u-A"),
    ],
)
def test_a_mistake_in_a_grid_is_refused_with_its_line(tiny, old, new, kind, message):
    path = tiny / "runs.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(kind, match=message):
        load_paper(tiny)
