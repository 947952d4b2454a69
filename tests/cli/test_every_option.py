"""Whatever verb and option there is: values that nobody means are misuse, told in one short visible message."""

import os

import pytest
import typer

from pruneproof.cli.app import app
from pruneproof.values.visible import HIDDEN

VALUES = ("", " ", "a\x00b", "x" * 10_000, "~nosuchuser/x")
"""Neither a number nor a path, and no name of anything."""


def options(group, above=()):
    """Yield (words of a verb, option with a value) of a group and those below it."""
    for name, command in group.commands.items():
        verb = (*above, name)
        if hasattr(command, "commands"):
            yield from options(command, verb)
            continue
        for each in command.params:
            if each.param_type_name == "option" and not each.is_flag:
                yield verb, max(each.opts, key=len)


OPTIONS = list(options(typer.main.get_command(app)))


def test_there_are_options_to_try():
    assert len({verb for verb, _ in OPTIONS}) > 15
    assert {"--set", "--only", "--seeds", "--store", "--sample", "--tolerance"} <= {option for _, option in OPTIONS}


@pytest.mark.parametrize("value", VALUES, ids=["empty", "blank", "NUL", "long", "nobody's home"])
def test_a_value_that_nobody_means_is_misuse(repro, folders, monkeypatch, value):
    (folders / "here").mkdir()
    monkeypatch.chdir(folders / "here")
    for verb, option in OPTIONS:
        found = repro(*verb, f"{option}={value}")  # without what the verb is about, so that none gets to work
        assert found.status == 64, (verb, option, found)
        assert found.out == ""
        assert not HIDDEN.search(found.err)
        assert len(found.err) < 3000
        assert option in found.err or "Missing argument" in found.err or found.err.startswith("repro: "), found.err
    assert not list((folders / "here").iterdir())


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "9" * 400, "1e400"])
def test_a_tolerance_is_a_number(repro, value):
    found = repro("audit", "a", "b", f"--tolerance={value}")
    assert found.status == 64
    assert "--tolerance" in found.err


@pytest.mark.parametrize("verb", [("list",), ("doctor",), ("data", "list"), ("plan", "x"), ("mutate", "x")])
@pytest.mark.parametrize("place", ["file", "pipe", "/dev/null"])
def test_where_a_folder_belongs_nothing_else_is_taken(repro, folders, monkeypatch, verb, place):
    monkeypatch.chdir(folders)
    (folders / "file").touch()
    os.mkfifo(folders / "pipe")
    found = repro(*verb, f"{'--data-dir' if verb[0] in ('data', 'plan') else '--store'}={place}")
    assert found.status == 64
    assert f"{place} is a " in found.err
    assert "a folder was expected" in found.err


@pytest.mark.parametrize(
    "setting", ["criterion=", "criterion=*", 'criterion="snip"\niterations=3', "iterations=1000000"]
)
def test_a_setting_that_names_nothing_is_told(tiny, repro, setting):
    found = repro("plan", "tiny", f"--set={setting}")
    assert found.status in (64, 65)
    assert "--set" in found.err


@pytest.mark.parametrize("verb", ["report", "verify"])
@pytest.mark.parametrize("place", ["a\x00b.json", "x" * 300 + ".json", "~nosuchuser/x.json"])
def test_a_record_that_no_system_could_have_is_misuse(repro, verb, place):
    assert repro(verb, place).status == 64
