import os
import subprocess
import sys

import pytest

CODE = """
import sys
from pruneproof.cli import execute
status = execute(sys.argv[1:])
heavy = {"torch", "torchvision", "matplotlib", "sklearn", "scipy"} & set(sys.modules)
sys.exit(f"{heavy} were imported" if heavy else status)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["list", "--json"], ["run", "--help"], ["no-such-verb"]])
def test_what_shows_only_text_imports_nothing_heavy(tiny, folders, arguments):
    found = subprocess.run([sys.executable, "-c", CODE, *arguments], capture_output=True, text=True)
    assert "were imported" not in found.stderr
    assert found.returncode == (64 if arguments == ["no-such-verb"] else 0), found.stderr


@pytest.mark.parametrize("verb", [[], ["run"], ["plugins"], ["new"], ["install"], ["check"]])
def test_help_imports_no_plugin(install, folders, verb):
    install("loud", "raise SystemExit('imported')")
    code = CODE.replace("heavy = {", "heavy = {'stranger_loud', 'pruneproof.builtin', ")
    found = subprocess.run([sys.executable, "-c", code, *verb, "--help"], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr


def test_the_command_is_installed_under_its_name():
    from importlib.metadata import entry_points

    [entry] = entry_points(group="console_scripts", name="repro")
    assert entry.value == "pruneproof.cli:main"


def test_a_reader_that_goes_away_is_no_error(tiny, folders):
    code = "from pruneproof.cli import main; main()"
    command = [sys.executable, "-c", code, "list", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 0
    assert err == ""


def test_a_terminal_that_cannot_show_a_character_gets_another(tiny, folders):
    text = (tiny / "paper.toml").read_text(encoding="utf-8")
    (tiny / "paper.toml").write_text(text.replace("A paper", "Один paper"), encoding="utf-8")
    code = "from pruneproof.cli import main; main()"
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    found = subprocess.run([sys.executable, "-c", code, "list"], capture_output=True, text=True, env=environment)
    assert found.returncode == 0, found.stderr
    assert "???? paper of seconds" in found.stdout
