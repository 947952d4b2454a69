"""README shows what the committed records say."""

import importlib.util
from pathlib import Path

import pytest

from pruneproof.papers.record import Record

ROOT = Path(__file__).parents[2]
RECORDS = sorted(ROOT.glob("papers/*/records/*.json"))


def test_readme_and_verdict_pages_are_made_from_the_committed_records():
    spec = importlib.util.spec_from_file_location("update_readme", ROOT / "docs" / "update_readme.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert {*tool.PAPERS} == {path.parent.name for path in ROOT.glob("papers/*/paper.toml")}
    for path, text in tool.pages().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run `make readme`"
    assert "**yes**" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_is_read_in_a_minute():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.name)
def test_a_committed_record_is_whole_and_of_this_paper(path):
    record = Record.load(path)
    assert record.paper == path.parents[1].name
    assert path.name.startswith(f"{record.profile}-")
    assert not record.variant
    assert not record.only
    assert not record.seeds_asked
    assert record.claims
