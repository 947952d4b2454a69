"""docs/exit-status.md against errors.py and the command line."""

import re
from pathlib import Path

import pytest

from pruneproof import cli, errors

PAGE = (Path(__file__).parents[2] / "docs" / "exit-status.md").read_text(encoding="utf-8")
REFUSALS = {
    name: (int(status), cause)
    for status, name, cause in re.findall(r"^\| (\d+) \| `(\w+)` \| (.+) \|$", PAGE, re.MULTILINE)
}
CLASSES = {
    name: each
    for name, each in vars(errors).items()
    if isinstance(each, type) and issubclass(each, errors.PruneproofError) and each is not errors.PruneproofError
}


def test_the_page_lists_every_class_of_errors_and_no_other():
    assert set(REFUSALS) == set(CLASSES)


@pytest.mark.parametrize("name", CLASSES)
def test_status_and_cause_are_those_of_the_class(name):
    status, cause = REFUSALS[name]
    assert status == CLASSES[name].status
    assert cause == CLASSES[name].__doc__.splitlines()[0].removesuffix(".").replace(
        CLASSES[name].__doc__[0], CLASSES[name].__doc__[0].lower(), 1
    )


def test_refusals_never_look_like_verdicts():
    assert all(each.status >= 64 for each in CLASSES.values())


@pytest.mark.parametrize("arguments", [["no-such-verb"], ["run", "--no-such-option"], ["show"]])
def test_a_wrong_command_line_ends_with_the_status_of_misuse(arguments, capsys):
    assert cli.execute(arguments) == 64
    assert "Traceback" not in capsys.readouterr().err
