"""README shows what the committed records say."""

import importlib.util
from pathlib import Path

import pytest

from pruneproof.papers.record import Record

ROOT = Path(__file__).parents[2]
RECORDS = sorted(ROOT.glob("papers/*/records/*.json"))


def test_the_table_of_claims_is_made_from_the_committed_record():
    spec = importlib.util.spec_from_file_location("update_readme", ROOT / "docs" / "update_readme.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert tool.updated(text) == text, "run `make readme`"
    assert "holds" in text


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.name)
def test_a_committed_record_is_whole_and_of_this_paper(path):
    record = Record.load(path)
    assert record.paper == path.parents[1].name
    assert path.name.startswith(f"{record.profile}-")
    assert not record.variant
    assert not record.only
    assert not record.seeds_asked
    assert record.claims
