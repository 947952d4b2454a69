"""docs/store.md against the kinds of stages and the record."""

import re
from pathlib import Path

from pruneproof.papers.record import Record
from pruneproof.pipeline.kinds.table import KINDS, PARTIAL
from pruneproof.pipeline.store import MANIFEST

PAGE = (Path(__file__).parents[2] / "docs" / "store.md").read_text(encoding="utf-8")
TABLES = dict(re.findall(r"^<!-- (.+) -->\n\n\|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE))


def stages():
    """Return the rows of the page's table of stages; files that only some stages make are in brackets."""
    rows = []
    for kind in KINDS.values():
        files = (f"(`{each.file}`)" if each.optional else f"`{each.file}`" for each in kind.makes)
        rows.append(f"| `{kind.id}` | {kind.about} | {', '.join(files)} |\n")
    return "".join(rows)


def test_the_kinds_of_stages_are_listed_with_their_files():
    assert TABLES["stages"] == stages(), f"write:\n\n{stages()}"
    assert MANIFEST in PAGE
    assert PARTIAL in PAGE


def test_the_keys_of_a_record_are_listed():
    assert re.findall(r"^\| `(\w+)` \|", TABLES["record"], re.MULTILINE) == list(Record.model_fields)
    assert f"`{Record.model_fields['format'].default}`" in PAGE
