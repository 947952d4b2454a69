"""CITATION.cff and CHANGELOG.md agree with the package's metadata."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CITATION = (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def value(key):
    return re.search(rf"^{key}: (.+)$", CITATION, re.MULTILINE)[1]


def test_the_citation_has_the_keys_that_its_format_requires():
    assert value("cff-version") == "1.2.0"
    assert value("message")
    assert re.search(r"^authors:\n  - name: \S", CITATION, re.MULTILINE)


def test_the_citation_names_the_package_as_its_metadata_does():
    found = value("title"), value("version"), value("license")
    assert found == (PROJECT["name"], PROJECT["version"], PROJECT["license"])
    assert [{"name": name} for name in re.findall(r"^  - name: (.+)$", CITATION, re.MULTILINE)] == PROJECT["authors"]
    assert re.findall(r"^  - (?!name)(.+)$", CITATION, re.MULTILINE) == PROJECT["keywords"]


def test_the_changelog_begins_with_the_version_of_the_package():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## (\S+)", changelog, re.MULTILINE)[1] == PROJECT["version"]
