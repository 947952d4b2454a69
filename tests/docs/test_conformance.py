"""docs/conformance.md states every law of the vocabulary, in the words of the laws."""

import importlib.util
from pathlib import Path

import pytest

from pruneproof.testing.checks import KINDS
from pruneproof.testing.claimable_laws import LAWS as CLAIMABLE

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("update_conformance", ROOT / "docs" / "update_conformance.py")
tool = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(tool)


def test_the_lists_of_the_page_are_made_from_the_laws():
    text = tool.PAGE.read_text(encoding="utf-8")
    assert tool.updated(text) == text, "run `make conformance`"
    assert all(f"<!-- laws: {kind} -->" in text for kind in tool.LISTS)


@pytest.mark.parametrize("kind", tool.LISTS)
def test_vocabulary_and_kit_have_the_same_laws(kind):
    meanings, laws = tool.LISTS[kind]
    assert [law.id for law in laws] == list(meanings)
    assert all(law.statement.endswith((".", ")")) for law in laws)
    assert all(meaning and not meaning.endswith(".") for meaning in meanings.values())


def test_every_kind_that_can_be_checked_is_on_the_page():
    kit = {kind.laws for kind in KINDS.values()} | {CLAIMABLE}
    assert kit <= {laws for _, laws in tool.LISTS.values()}
