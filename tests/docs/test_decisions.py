"""docs/adr: every decision has its parts and is listed."""

import importlib.util
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "adr"
DECISIONS = sorted(FOLDER.glob("[0-9]*.md"))


def test_decisions_are_numbered_without_gaps():
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_title_date_status_and_parts_and_is_listed(path):
    text = path.read_text(encoding="utf-8")
    title = re.match(rf"# ({path.name[:4]}\. .+)\n\nDate: \d{{4}}-\d\d-\d\d\. Status: (.+)\.\n", text)
    assert title
    assert re.fullmatch(r"accepted(; .*(superseded|extended) by \d{4}.*)?", title[2])
    numbers = {int(each.name[:4]) for each in DECISIONS}
    assert {int(number) for number in re.findall(r"by (\d{4})", title[2])} <= numbers
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
    assert f"* [{title[1]}]({path.name})" in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_the_index_repeats_what_became_of_each_decision():
    spec = importlib.util.spec_from_file_location("update_decisions", FOLDER.parent / "update_decisions.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert text == tool.index(), "run `make decisions`"
    assert "(0006-papers-in-the-wheel.md): the link is superseded by 0039" in text


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_what_takes_the_place_of_a_decision_is_newer(path):
    status = re.search(r"Status: (.+)\.\n", path.read_text(encoding="utf-8"))[1]
    assert all(int(number) > int(path.name[:4]) for number in re.findall(r"by (\d{4})", status))
