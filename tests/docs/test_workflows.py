"""What the code host runs: workflows, forms and hooks fit their schemas and call what exists."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted(path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
of_each = pytest.mark.parametrize


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps(path):
    return [(job, step) for job in read(path)["jobs"].values() for step in job["steps"]]


@of_each("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_fits_the_schema(path, tmp_path):
    from check_jsonschema import main

    with pytest.raises(SystemExit) as ended:
        main(["--builtin-schema", "vendor.github-workflows", str(path)])
    assert ended.value.code == 0


@of_each("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_calls_targets_and_scripts_that_exist(path):
    for _, step in steps(path):
        command = step.get("run", "")
        assert set(re.findall(r"\bmake ([a-z-]+)", command)) <= TARGETS
        assert all((ROOT / script).is_file() for script in re.findall(r"[\w/]+\.py", command))


@of_each("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_only_read_unless_a_job_says_more(path):
    assert read(path)["permissions"] == {"contents": "read"}


def test_only_the_job_that_publishes_may_ask_for_an_identity_and_no_secret_is_used():
    for path in WORKFLOWS:
        for name, job in read(path)["jobs"].items():
            assert ("permissions" in job) == (name == "publish")
        assert "secrets." not in path.read_text(encoding="utf-8")


def test_every_python_of_the_matrix_is_one_that_the_package_names():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {each.rpartition(" ")[2] for each in project["classifiers"] if "Python :: 3." in each}
    used = set(re.findall(r'python(?:-version)?: "(\d\.\d+)"', "".join(path.read_text() for path in WORKFLOWS)))
    assert used <= named
    assert f"python{min(named, key=lambda each: int(each[2:]))}".removeprefix("python") in project["requires-python"]


@of_each("path", FORMS, ids=lambda path: path.stem)
def test_a_form_has_what_a_form_needs(path):
    form = read(path)
    assert form["name"]
    assert form["description"]
    assert all(field["type"] in ("input", "textarea") and field["attributes"]["label"] for field in form["body"])
    assert len({field["id"] for field in form["body"]}) == len(form["body"])


def test_what_runs_before_a_commit_is_make_check():
    [repo] = read(ROOT / ".pre-commit-config.yaml")["repos"]
    assert [hook["entry"] for hook in repo["hooks"]] == ["make check"]


def test_no_file_of_the_repository_is_a_link():
    for path in ROOT.rglob("*"):
        inside = path.relative_to(ROOT).parts
        if not any(part.startswith(".") or part in ("target", "dist", "site") for part in inside):
            assert not path.is_symlink(), path
