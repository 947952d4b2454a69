"""What `repro new` writes installs, passes its own tests, and shows up at once."""

import subprocess
import sys
from pathlib import Path

import pytest

from pruneproof.cli.new import TEMPLATE, Kind, parts

KINDS = [kind.value for kind in Kind]


def test_the_template_ships_in_the_package():
    assert (TEMPLATE / "pyproject.toml").is_file()


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_package_holds_what_its_kind_needs_and_no_word_of_the_template(repro, tmp_path, kind):
    found = repro("new", kind, f"my-{kind}", "--into", tmp_path, "--json")
    assert found.status == 0
    folder = Path(found.json["folder"])
    assert folder == tmp_path / f"my-{kind}"
    for name in found.json["files"]:
        assert "template" not in (folder / name).read_text(encoding="utf-8"), name
    modules = {path.stem for path in (folder / "src").rglob("*.py")} | {path.name for path in folder.rglob("paper")}
    assert modules & set(KINDS) == {kind}
    assert f"repro check {kind} my-{kind}" in (folder / "README.md").read_text() or kind == "paper"


def test_the_template_has_a_section_and_a_test_for_every_kind():
    for kind in Kind:
        found = parts(kind)
        assert f"tests/test_{kind}.py" in found
        assert f"## The {kind}" in found["README.md"]
        assert found["README.md"].count("\n## ") == 1


def test_what_is_written_can_be_installed_by_repro_and_shows_up_at_once(repro, pip, tmp_path):
    repro("new", "criterion", "my-score", "--into", tmp_path)
    found = repro("install", tmp_path / "my-score")
    assert found.status == 0, found.err
    assert "my-score  my-score 0.1.0  (my_score.criterion)" in found.out
    assert "criterion: my-score" in found.out
    plan = repro("plan", "global-mp", "--set", "criterion=my-score", "--only", "mlp/*", "--device", "cpu")
    assert plan.status == 0, plan.err
    assert "global-my-score" in plan.out


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_package_passes_its_own_tests_where_it_is_installed(repro, pip, tmp_path, kind):
    repro("new", kind, f"my-{kind}", "--into", tmp_path)
    assert repro("install", tmp_path / f"my-{kind}", "--json").json[0]["registers"][kind]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path / f"my-{kind}", capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout


@pytest.mark.parametrize(
    ("name", "named"),
    [("My-Score", "lower-case"), ("my_score", "lower-case"), ("", "lower-case"), ("../x", "lower-case"),
     ("class", "module"), ("torch", "module"), ("random", "module")],
)  # fmt: skip
def test_a_name_that_cannot_be_a_package_is_refused(repro, tmp_path, name, named):
    found = repro("new", "criterion", name, "--into", tmp_path)
    assert (found.status, named in found.err) == (64, True)
    assert list(tmp_path.glob("**/pyproject.toml")) == []


def test_nothing_is_overwritten(repro, tmp_path):
    (tmp_path / "my-score").mkdir()
    found = repro("new", "criterion", "my-score", "--into", tmp_path)
    assert (found.status, "exists already" in found.err) == (64, True)
    (tmp_path / "file").write_text("in the way")
    assert repro("new", "model", "my-net", "--into", tmp_path / "file").status == 73


@pytest.mark.parametrize(
    ("package", "status", "named"),
    [("./nowhere", 64, "does not exist"), ("empty", 64, "repro new"), ("broken", 69, "pip could not install"),
     ("no-such-package-anywhere", 69, "pip could not install")],
)  # fmt: skip
def test_what_cannot_be_installed_is_refused_in_one_message(repro, pip, tmp_path, monkeypatch, package, status, named):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "pyproject.toml").write_text("[project]\nname = 3\n")
    found = repro("install", package)
    assert (found.status, named in found.err) == (status, True), found.err


def test_an_environment_without_pip_is_told_how_to_get_it(repro, tmp_path, monkeypatch):
    monkeypatch.setattr("pruneproof.cli.install.find_spec", lambda name: None)
    found = repro("install", "my-score")
    assert (found.status, "ensurepip" in found.err) == (69, True)
