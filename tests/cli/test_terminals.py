"""Terminals of any width, without colours or Unicode; pipes; shells that complete; the name of the command."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pruneproof.cli import COMMANDS, execute
from pruneproof.cli.doctor import _command

CODE = "import sys; sys.argv[0] = sys.argv.pop(1); from pruneproof.cli import main; main()"


def run(*arguments, name="repro", **environment):
    command = [sys.executable, "-c", CODE, name, *arguments]
    return subprocess.run(command, capture_output=True, env=os.environ | environment, check=False)


def test_the_version_is_that_of_the_package(repro):
    from importlib.metadata import version

    assert repro("--version").out == f"pruneproof {version('pruneproof')}\n"
    assert repro("--version").status == 0


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["run", "--help"], ["prune", "--help"], ["list"], ["plugins"], ["show", "tiny"], ["lint", "tiny"]],
)
def test_nothing_is_wider_than_the_terminal(tiny, repro, monkeypatch, columns, arguments):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = repro(*arguments).out.splitlines()
    assert lines
    assert [line for line in lines if len(line) > columns and " " in line.strip()] == []


@pytest.mark.parametrize("columns", [60, 80])
def test_verdicts_are_no_wider_than_the_terminal(ran, repro, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    for options in ([], ["--verbose"]):
        out = repro("run", "tiny", "--device", "cpu", "--workers", 1, *options).out
        verdicts = out.partition("\nreport: ")[0].splitlines()
        assert len(verdicts) > 8
        assert [line for line in verdicts if len(line) > columns] == []


def test_without_colours_no_escape_is_printed_even_where_they_are_forced(tiny, folders):
    words, colour = ["show", "tiny"], re.compile(rb"\x1b\[(?:\d+;)*[34]\d")
    assert b"\x1b[" in run(*words, FORCE_COLOR="1", TERM="xterm-256color").stdout
    assert not colour.search(run(*words, FORCE_COLOR="1", NO_COLOR="1", TERM="xterm-256color").stdout)
    assert b"\x1b" not in run(*words).stdout


def test_in_the_locale_c_every_verdict_is_readable(tiny, folders):
    found = run("lint", "tiny", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert found.returncode == 0
    assert found.stderr == b""
    assert found.stdout.startswith(b"ok ")
    assert found.stdout.isascii()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_shell_gets_a_script_and_completes_verbs(folders, name, shell):
    variable = f"_{name.upper()}_COMPLETE"
    script = run(name=name, **{variable: f"source_{shell}"})
    assert script.returncode == 0
    assert variable.encode() in script.stdout
    assert b"Traceback" not in script.stderr
    asked = {"COMP_WORDS": f"{name} ver", "COMP_CWORD": "1", "_TYPER_COMPLETE_ARGS": f"{name} ver"}
    found = run(name=name, **asked, _TYPER_COMPLETE_FISH_ACTION="get-args", **{variable: f"complete_{shell}"})
    assert found.returncode == 0
    assert b"verify" in found.stdout


def test_the_command_calls_itself_as_it_was_called(folders):
    assert b"Usage: pruneproof " in run("--help", name="pruneproof").stdout
    assert b"Usage: repro " in run("--help", name="__main__.py").stdout


def test_doctor_says_whether_the_command_on_the_path_is_ours(folders, monkeypatch):
    place = folders / "bin"
    place.mkdir()
    monkeypatch.setenv("PATH", str(place))
    assert _command().startswith("there is no repro on the path")
    script = place / "repro"
    script.write_text("#!/bin/sh\necho somebody else\n")
    script.chmod(0o755)
    assert _command() == f"{script} belongs to another package; `pruneproof` is the same command"
    script.write_text("#!/usr/bin/python\nfrom pruneproof.cli import main\nmain()\n")
    assert _command() == str(script)


@pytest.mark.skipif(not Path("/bin/sh").exists(), reason="no shell")
def test_a_pipe_gets_the_text_and_nothing_else(tiny, folders):
    code = shlex.quote("from pruneproof.cli import main; main()")
    command = f"{shlex.quote(sys.executable)} -c {code} list | cat"
    found = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True)
    assert "tiny" in found.stdout
    assert "\x1b" not in found.stdout + found.stderr


def test_both_names_are_one_command():
    assert execute(["--version"], COMMANDS[1]) == 0
