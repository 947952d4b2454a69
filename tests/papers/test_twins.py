"""A third-party criterion in a paper's protocol: each method once more with it, in the same plan."""

import json
from pathlib import Path

import pytest

from pruneproof.papers.record import Record

FAST = ("--device", "cpu", "--workers", 1, "--seeds", 2)
CRITERION = """
    from pruneproof.api import Criterion, Source, hookimpl

    def score(weights, *, power: float = 1.0):
        return {{name: -w.abs() ** power for name, w in weights.items()}}

    @hookimpl
    def pruneproof_criteria():
        return [Criterion(name, score, Source("A. Stranger", 2021, "Strange")) for name in {names}]
"""

ALLOCATION = """
    from pruneproof.api import Allocation, Source, hookimpl

    def counts(weights, keep):
        return {}

    @hookimpl
    def pruneproof_allocations():
        return [Allocation("odd", counts, Source("A. Stranger", 2021, "Strange"))]
"""


@pytest.fixture
def third_party(tiny, install):
    return install("stranger", CRITERION.format(names=["upside-down"]), version="3.1")


def methods(record, run="mlp"):
    return list(dict.fromkeys(cell["method"] for cell in record["cells"] if cell["run"] == run))


def test_each_method_gets_a_twin_that_differs_in_the_criterion_alone(third_party, repro):
    plan = repro("plan", "tiny", "--set", "criterion=upside-down", "--device", "cpu", "--json").json
    own = repro("plan", "tiny", "--device", "cpu", "--json").json
    assert methods(plan) == [
        "dense", "global", "uniform", "gradual", "imp",
        "global-upside-down", "uniform-upside-down", "gradual-upside-down", "imp-upside-down",
    ]  # fmt: skip
    stages = {stage["digest"]: stage for stage in plan["stages"]}
    assert {stage["digest"] for stage in own["stages"]} <= set(stages)
    of = {cell["method"]: cell["stages"] for cell in plan["cells"] if cell["run"] == "mlp"}
    prune, twin = (
        next(stages[each]["inputs"] for each in of[name] if stages[each]["kind"] == "prune")
        for name in ("global", "global-upside-down")
    )
    assert {key for key in prune if prune[key] != twin[key]} == {"criterion"}
    assert of["global"][:2] == of["global-upside-down"][:2]


def test_the_plugin_that_registers_the_criterion_is_found_told_and_recorded(third_party, repro):
    found = repro("run", "tiny", "--set", "criterion=upside-down", "--only", "mlp/global*", *FAST)
    assert found.status == 0, found.err
    assert "criterion upside-down comes from plugin stranger (stranger 3.1)" in found.err
    assert "upside-down" in found.out
    record = Record.load(Path(found.out.split("record: ")[1].strip()))
    assert record.claims == ()
    assert record.is_variant
    assert record.twins == ("upside-down",)
    [plugin] = [each for each in record.plugins if each.role == "added"]
    assert (plugin.name, plugin.version, plugin.origin) == ("stranger", "3.1", "stranger_stranger")


def test_with_a_plugin_alone_all_its_criteria_run_as_twins(tiny, install, repro):
    install("pair", CRITERION.format(names=["first", "second"]))
    plan = repro("plan", "tiny", "--with", "pair", "--device", "cpu", "--json").json
    assert {"global-first", "global-second"} <= set(methods(plan))
    chosen = repro("plan", "tiny", "--with", "pair", "--set", "criterion=second", "--device", "cpu", "--json").json
    assert "global-first" not in methods(chosen)


def test_a_twin_may_have_options_and_other_settings(third_party, repro):
    settings = ("--set", "criterion={id='upside-down', power=2.0}", "--set", "select.floor=count")
    plan = repro("plan", "tiny", *settings, "--device", "cpu", "--json").json
    [prune, *_] = [stage for stage in plan["stages"] if "global-upside-down" in stage["label"]]
    assert prune["inputs"]["criterion"]["options"] == {"power": 2.0}
    assert prune["inputs"]["selection"]["floor"]["id"] == "count"
    [own, *_] = [stage for stage in plan["stages"] if "· global 0.9 · prune" in stage["label"]]
    assert own["inputs"]["selection"]["floor"]["id"] == "none"


def test_what_a_method_has_already_gives_it_no_twin(tiny, repro):
    plan = repro("plan", "tiny", "--set", "criterion=synflow", "--device", "cpu", "--json").json
    assert methods(plan, "fresh") == ["synflow"]
    assert "global-synflow" in methods(plan)


@pytest.mark.parametrize(
    ("arguments", "status", "named"),
    [
        (["--set", "criterion=magnitud"], 64, 'Nearest: "magnitude"'),
        (["--set", "criterio=snip"], 64, 'Nearest: "criterion"'),
        (["--set", "select.ties=first"], 64, "changes no method"),
        (["--set", "iterations=many"], 65, "iterations"),
        (["--set", "select.scope=lamb"], 64, 'Nearest: "lamp"'),
        (["--set", "mlp=3"], 64, "mlp"),
        (["--with", "strangr"], 64, 'Nearest: "stranger"'),
        (["--plugin", "nowhere.py"], 64, "nowhere.py"),
    ],
)
def test_a_bad_request_is_refused_by_name(third_party, repro, arguments, status, named):
    found = repro("plan", "tiny", *arguments, "--device", "cpu")
    assert (found.status, named in found.err) == (status, True), found.err


def test_a_variant_with_a_file_can_be_verified_as_long_as_the_file_is_the_same(tiny, repro, tmp_path):
    from textwrap import dedent

    file = tmp_path / "my_score.py"
    file.write_text(dedent(CRITERION.format(names=["mine"])))
    settings = ("--plugin", file, "--set", "criterion=mine", "--only", "mlp/global*", "--device", "cpu", "--workers", 1)
    found = repro("run", "tiny", *settings, "--seeds", 1, "--json")
    path = tmp_path / "record.json"
    path.write_text(json.dumps(found.json))
    assert repro("verify", path, "--workers", 1).status == 0
    file.write_text(file.read_text() + "\n# changed\n")
    assert "have changed since" in repro("verify", path, "--workers", 1).err
    file.unlink()
    assert "does not exist" in repro("verify", path, "--workers", 1).err


def test_an_added_plugin_never_overwrites_the_papers_own_record(tiny, install, repro, folders):
    install("scopes", ALLOCATION)
    found = repro("run", "tiny", "--with", "scopes", "--only", "mlp/dense", *FAST, "--json").json
    assert found["variant"] == []
    assert found["claims"] == []
    assert not (folders / "store" / "reports" / "tiny" / "mini").exists()


def test_the_shipped_records_are_read_as_before(pytestconfig):
    for path in (pytestconfig.rootpath / "papers").glob("*/records/*.json"):
        record = Record.load(path)
        assert not record.is_variant
        assert {plugin.role for plugin in record.plugins} == {"paper"}
        assert record.claims
