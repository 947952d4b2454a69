"""docs/adr: every decision has its parts and is listed."""

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
    assert all(int(number) <= len(DECISIONS) for number in re.findall(r"by (\d{4})", title[2]))
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
    assert f"* [{title[1]}]({path.name})" in (FOLDER / "README.md").read_text(encoding="utf-8")
