"""changes/: every fragment is of a known kind, and what touches science names the papers."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["towncrier"]
KINDS = {each["directory"] for each in SETTINGS["type"]}
PAPERS = {path.parent.name for path in ROOT.glob("papers/*/paper.toml")}
FRAGMENTS = sorted(path for path in (ROOT / "changes").glob("*") if path.name != "README.md")


def faults(name, text):
    """Return what is wrong with a fragment."""
    parts = name.split(".")
    found = [] if len(parts) == 3 and parts[1] in KINDS and parts[2] == "md" else ["its name is not what.KIND.md"]
    if "science" in parts:
        named = {each.strip() for each in text.partition(":")[0].split(",")}
        found += [] if named <= PAPERS or named == {"none"} else ["it does not begin with the papers that it affects"]
    return found + ([] if text.strip() and not text.startswith(("*", "-", "#")) else ["it is no sentence"])


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: path.name)
def test_a_fragment_is_a_sentence_of_a_known_kind(path):
    assert faults(path.name, path.read_text(encoding="utf-8")) == []


def test_faults_of_fragments_are_found():
    assert faults("new.science.md", "global-mp, gradient-flow: margins.") == []
    assert faults("new.science.md", "none: the same verdicts.") == []
    assert faults("new.science.md", "Verdicts: some moved.") == ["it does not begin with the papers that it affects"]
    assert faults("new.feature.md", "A thing.") == ["its name is not what.KIND.md"]
    assert faults("new.added.md", "* A thing.") == ["it is no sentence"]


def test_kinds_are_told_and_the_changelog_has_a_place_for_them():
    page = (ROOT / "changes" / "README.md").read_text(encoding="utf-8")
    assert all(f"`{kind}`" in page for kind in KINDS)
    assert (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").count(SETTINGS["start_string"]) == 1
