import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

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
    assert process.wait() == 141  # as SIGPIPE would
    assert err == ""


@pytest.mark.parametrize("arguments", ["list", "--help", "plugins --json"])
def test_a_standard_output_that_is_closed_ends_quietly_and_is_no_verdict(tiny, folders, arguments):
    code = shlex.quote("from pruneproof.cli import main; main()")
    command = f"{shlex.quote(sys.executable)} -c {code} {arguments} >&-"
    found = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_a_standard_output_that_is_full_is_told_and_is_no_verdict(tiny, folders):
    code = "from pruneproof.cli import main; main()"
    with Path("/dev/full").open("w") as full:
        found = subprocess.run([sys.executable, "-c", code, "list"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert found.returncode == 74
    assert found.stderr == "repro: standard output cannot be written: No space left on device.\n"


NOISY = """
    import atexit, ctypes, os, subprocess, sys
    from pruneproof.api import Criterion, Source, hookimpl

    print("on import")
    os.write(1, b"natively\\n")
    ctypes.CDLL(None).puts(b"from C, buffered")
    subprocess.run([sys.executable, "-c", "print('from a child')"])
    atexit.register(print, "at the end")

    @hookimpl
    def pruneproof_criteria():
        print("in a hook")
        return [Criterion("noisy", lambda weights: weights, Source("A. Stranger", 2021, "Noise"))]
"""


def test_what_plugins_and_libraries_print_goes_to_standard_error(install, folders):
    install("noisy", NOISY)
    code = "from pruneproof.cli import main; main()"
    found = subprocess.run([sys.executable, "-c", code, "plugins", "--json"], capture_output=True, text=True)
    assert "noisy" in {plugin["name"] for plugin in json.loads(found.stdout)}
    for said in ("on import", "natively", "from C, buffered", "from a child", "in a hook", "at the end"):
        assert said in found.stderr


def test_a_terminal_that_cannot_show_a_character_gets_another(tiny, folders):
    text = (tiny / "paper.toml").read_text(encoding="utf-8")
    (tiny / "paper.toml").write_text(text.replace("A paper", "Один paper"), encoding="utf-8")
    code = "from pruneproof.cli import main; main()"
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    found = subprocess.run([sys.executable, "-c", code, "list"], capture_output=True, text=True, env=environment)
    assert found.returncode == 0, found.stderr
    assert "???? paper of seconds" in found.stdout


def test_a_current_folder_that_was_deleted_is_said_to_be(tmp_path):
    code = (
        f"import os; os.chdir({str(tmp_path)!r}); os.rmdir({str(tmp_path)!r})\nfrom pruneproof.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code, "plugins"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr.startswith("repro: the current folder has been deleted.")
