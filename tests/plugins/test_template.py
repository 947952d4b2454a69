"""What `repro new` writes installs, passes its own tests, and does what its README says."""

import re
import subprocess
import sys

import pytest

from pruneproof.cli.new import NOUNS, TEMPLATE, parts
from pruneproof.registry.kinds import BY_NOUN, KINDS

PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]


def test_the_template_ships_in_the_package():
    assert (TEMPLATE / "pyproject.toml").is_file()


def test_there_is_a_template_for_every_kind_of_plugin_and_for_papers():
    assert list(NOUNS.values()) == [*(kind.noun for kind in KINDS), "paper"]


@pytest.mark.parametrize("kind", NOUNS)
def test_the_template_has_a_section_and_a_test_for_every_kind(kind):
    found = parts(kind)
    assert f"tests/test_{kind.replace('-', '_')}.py" in found
    assert re.findall(r"^## (.*)", found["README.md"], re.MULTILINE) == [f"The {NOUNS[kind]}"]


@pytest.mark.parametrize("kind", NOUNS)
def test_a_new_package_holds_what_its_kind_needs_and_no_word_of_the_template(new, kind):
    folder = new(kind, f"my-{kind}")
    texts = {path: path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file()}
    assert [path for path, text in texts.items() if "template" in text.lower()] == []
    modules = {path.stem for path in (folder / "src" / f"my_{kind.replace('-', '_')}").iterdir()}
    assert modules == {"__init__", "py", kind.replace("-", "_")}
    tested = f"repro check {kind} my-{kind}" in texts[folder / "README.md"]
    assert tested == (kind != "paper" and bool(BY_NOUN[NOUNS[kind]].laws))


def test_an_unknown_kind_is_refused_with_the_nearest_that_there_is(repro, tmp_path):
    found = repro("new", "dataset", "my-data", "--into", tmp_path)
    assert found.status == 64
    assert 'kind "dataset" is not known. Nearest: "data-set". Known: allocation, claim-test, ' in found.err
    assert list(tmp_path.rglob("pyproject.toml")) == []


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
def test_a_new_package_passes_its_own_tests_where_it_is_installed(repro, pip, tmp_path):
    repro("new", "paper", "my-paper", "--into", tmp_path)
    [found] = repro("install", tmp_path / "my-paper", "--json").json
    assert list(found["registers"]["paper"]) == ["my-paper"]
    done = subprocess.run(PYTEST, cwd=tmp_path / "my-paper", capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "2 passed" in done.stdout


@pytest.mark.slow
def test_the_packages_of_all_kinds_register_one_thing_each_and_pass_their_own_tests(new, link, repro, site):
    kinds = [kind for kind in NOUNS if kind != "paper"]
    for kind in kinds:
        link(new(kind, f"my-{kind}"))
    found = {each["name"]: each["registers"] for each in repro("plugins", *(f"my-{k}" for k in kinds), "--json").json}
    for kind in kinds:
        registered = {noun: list(ids) for noun, ids in found[f"my-{kind}"].items() if ids}
        assert registered == {NOUNS[kind]: [f"my-{kind}"]}
    command = [*PYTEST, "--doctest-modules", "--import-mode=importlib", "--rootdir", str(site), str(site)]
    done = subprocess.run(command, cwd=site, capture_output=True, text=True)
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
    assert repro("new", "model", "my-net", "--into", tmp_path / "file").status == 64
    assert repro("new", "model", "my-net", "--into", tmp_path / "file" / "deep").status == 73


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
