"""Every verb on the tiny paper: what it prints as text, as JSON, and its exit status."""

import json
import shutil

import pytest

from pruneproof.cli.run import exit_status
from pruneproof.papers.record import Record

FAST = ("--device", "cpu", "--workers", 1)


def test_run_prints_a_verdict_for_every_claim_and_where_the_report_is(ran, folders):
    assert ran.status == 2
    for claim in ("learns", "ordered", "arithmetic", "table"):
        assert claim in ran.out
    record = folders / "store" / "reports" / "tiny" / "mini" / "record.json"
    assert f"record: {record}" in ran.out
    assert {claim.verdict for claim in Record.load(record).claims} == {"holds", "inconclusive"}
    assert (record.parent / "report.html").is_file()


def test_run_tells_what_it_does_on_stderr_and_keeps_stdout_for_results(ran):
    assert "tiny at mini on cpu" in ran.err
    assert "tiny at mini on cpu" not in ran.out


def test_a_quiet_run_prints_only_where_the_report_is(tiny, repro):
    found = repro("run", "tiny", "--quiet", "--only", "arithmetic", *FAST)
    assert found.err == ""
    assert "holds" not in found.out
    assert "record: " in found.out


def test_run_as_json_is_the_record_and_nothing_else(ran, repro, folders):
    found = repro("run", "tiny", "--json", *FAST)
    assert found.err == ""
    assert Record.model_validate(found.json) == Record.load(
        folders / "store" / "reports" / "tiny" / "mini" / "record.json"
    )


def test_an_arxiv_number_names_the_paper(tiny, repro):
    found = repro("run", "arXiv:0000.00001v2", "--only", "arithmetic", "--json", *FAST)
    assert found.json["paper"] == "tiny"


def test_a_paper_that_is_named_twice_makes_two_records(tiny, repro):
    found = repro("run", "tiny", "0000.00001", "--only", "arithmetic", "--json", *FAST)
    assert [record["paper"] for record in found.json] == ["tiny", "tiny"]


def claim(tiny, old, new):
    text = (tiny / "claims.toml").read_text()
    assert old in text
    (tiny / "claims.toml").write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        ("", "", 2),
        ('relation = ">"\nright', 'relation = "<"\nright', 1),
    ],
)
def test_the_exit_status_is_the_worst_verdict(ran, tiny, repro, old, new, status):
    claim(tiny, old, new)
    assert repro("run", "tiny", "--quiet", *FAST).status == status


@pytest.mark.parametrize(
    ("verdicts", "status"),
    [
        (["holds", "holds"], 0),
        (["holds", "not-run"], 0),
        (["not-run"], 2),
        (["holds", "inconclusive"], 2),
        (["holds", "absent", "inconclusive"], 1),
        (["inconclusive", "fails"], 1),
        ([], 0),
    ],
)
def test_an_absent_effect_counts_as_a_failure(ran, folders, verdicts, status):
    record = Record.load(folders / "store" / "reports" / "tiny" / "mini" / "record.json")
    claims = tuple(record.claims[0].model_copy(update={"verdict": verdict}) for verdict in verdicts)
    assert exit_status(record.model_copy(update={"claims": claims})) == status
    control = record.claims[0].model_copy(update={"verdict": "fails", "strength": "negative-control"})
    assert exit_status(record.model_copy(update={"claims": (*claims, control)})) == status


def test_a_run_of_a_part_is_judged_by_what_it_tested(tiny, repro):
    assert repro("run", "tiny", "--quiet", "--only", "arithmetic", *FAST).status == 0


def test_a_variant_has_no_verdict_and_status_0(tiny, repro):
    found = repro("run", "tiny", "--set", "mlp.recipe.dense.epochs=1", "--only", "mlp/dense", "--json", *FAST)
    assert found.status == 0
    assert found.json["variant"] == ["mlp.recipe.dense.epochs=1"]
    assert found.json["claims"] == []


def test_seeds_are_a_number_or_a_list(tiny, repro):
    for text, seeds in (("2", [0, 1]), ("4,7", [4, 7])):
        assert repro("run", "tiny", "--seeds", text, "--only", "mlp/dense", "--json", *FAST).json["seeds"] == seeds


def test_list_shows_papers_and_the_verdicts_of_whole_runs(ran, repro):
    assert "tiny" in repro("list").out
    assert "mini: 2 hold, 2 inconclusive\n" in repro("list").out
    [tiny] = [paper for paper in repro("list", "--json").json if paper["id"] == "tiny"]
    assert tiny["verdicts"] == {"mini": {"holds": 2, "inconclusive": 2}}


def test_list_before_any_run_says_how_to_start(tiny, repro):
    assert "repro run tiny" in repro("list").out


def test_list_shows_all_papers_and_names_a_damaged_record(ran, repro, folders):
    record = folders / "store" / "reports" / "tiny" / "mini" / "record.json"
    for content in ("{", "[]", '{"variant": 3}', ""):
        record.write_text(content)
        found = repro("list")
        assert found.status == 74
        assert "global-mp" in found.out
        assert str(record) in found.out + found.err


def test_show_tells_claims_runs_and_cost(tiny, repro):
    found = repro("show", "tiny")
    assert found.status == 0
    for word in ("A paper of seconds", "lenet-300-100", "digits", "arithmetic", "Table 1", "masks and weights"):
        assert word in found.out
    assert {claim["id"] for claim in repro("show", "tiny", "--json").json["claims"]["claim"]} == {
        "learns", "ordered", "arithmetic", "table",
    }  # fmt: skip


def test_show_counts_networks_as_the_plan_does(tiny, repro):
    cells = repro("plan", "tiny", "--json").json["cells"]
    assert f" {len(cells)} networks," in " ".join(repro("show", "tiny").out.split())


def test_plan_says_what_would_run_and_what_is_finished(tiny, repro, folders):
    before = repro("plan", "tiny", "--device", "cpu", "--json").json
    assert {stage["status"] for stage in before["stages"]} == {"to run"}
    assert not (folders / "store").exists()
    repro("run", "tiny", "--quiet", "--only", "mlp/dense", *FAST)
    after = repro("plan", "tiny", "--device", "cpu", "--json").json
    assert after["plan"] == before["plan"]
    assert [stage["status"] for stage in after["stages"]].count("finished") == 6
    assert "59 stages, 6 finished, 53 to run" in repro("plan", "tiny", "--device", "cpu").out


def test_why_tells_what_changed_since_the_nearest_stage(tiny, repro):
    repro("run", "tiny", "--quiet", "--only", "mlp/dense", "--seeds", "1", *FAST)
    changed = ("--set", "mlp.recipe.dense.lr=0.3", "--seeds", "1", "--device", "cpu")
    stages = repro("plan", "tiny", *changed, "--json").json["stages"]
    train = next(stage for stage in stages if stage["kind"] == "train" and stage["label"].endswith("dense"))
    found = repro("why", "tiny", train["digest"][:12], *changed)
    assert found.status == 0
    assert "nearest in the store: " in found.out
    assert "    recipe.lr: 0.1 -> 0.3\n" in found.out
    said = repro("why", "tiny", train["digest"], *changed, "--json").json
    assert said["changes"] == [{"path": "recipe.lr", "before": 0.1, "now": 0.3}]
    assert repro("why", "tiny", "zz", *changed).status == 64
    assert "may be any of" in repro("why", "tiny", "", *changed).err


def test_plan_works_without_the_data_and_says_how_to_get_it(tiny, repro):
    found = repro("plan", "tiny", "--set", "mlp.data=cifar10", "--device", "cpu")
    assert found.status == 0
    assert "repro data fetch cifar10" in found.out


def test_report_is_rendered_again_from_the_record(ran, repro, folders):
    folder = folders / "store" / "reports" / "tiny" / "mini"
    before = (folder / "report.html").read_text()
    (folder / "report.html").unlink()
    found = repro("report", "tiny")
    assert found.status == 0
    assert (folder / "report.html").read_text() == before
    assert str(folder / "report.html") in found.out
    assert str(folder / "report.html") in repro("report", "tiny", "--json").json.values()


@pytest.fixture
def recorded(tiny, repro, folders):
    """A record of a small part of the tiny paper, and its path."""
    found = repro("run", "tiny", "--only", "mlp/gradual", "--only", "arithmetic", "--json", *FAST)
    [path] = (folders / "store" / "reports" / "tiny").glob("mini-*/record.json")
    return found.json, path


def test_verify_agrees_with_an_honest_record(recorded, repro):
    found = repro("verify", recorded[1], "--workers", 1)
    assert found.status == 0
    assert "11 of 11 digests agree" in found.out
    assert "1 of 1 verdicts agree" in found.out
    assert "registered claims: those of this installation\n" in found.out
    found = repro("verify", recorded[1], "--workers", 1, "--json").json
    assert found["registration"]["agrees"] is True
    assert (found["differences"], found["first difference"], found["machine"]) == ([], None, {})
    assert found["verdicts"] == {"judged": 1, "differences": {}}
    assert {kind: counts["identical"] for kind, counts in found["stages"].items()} == {
        "init": 2, "train": 2, "measure": 2, "mechanism": 1,
    }  # fmt: skip


def test_verify_names_the_first_stage_that_differs_the_machine_and_the_verdicts(recorded, repro):
    content, path = recorded
    for kind in ("measure", "train"):
        next(stage for stage in content["stages"] if stage["kind"] == kind)["outputs"] = {
            "weights.safetensors": "0" * 32
        }
    content["environment"]["processor"] = "another one"
    content["environment"]["versions"]["torch"] = "2.4.0"
    [claim] = [claim for claim in content["claims"] if claim["id"] == "arithmetic"]
    claim["verdict"] = "fails"
    path.write_text(json.dumps(content))
    found = repro("verify", path, "--workers", 1, "--json")
    assert found.status == 1
    assert found.json["first difference"]["kind"] == "train"
    assert set(found.json["machine"]) == {"processor", "versions torch"}
    assert found.json["verdicts"] == {
        "judged": 1, "differences": {"arithmetic": {"recorded": "fails", "found": "holds"}},
    }  # fmt: skip
    assert [found.json["stages"]["train"][each] for each in ("identical", "different")] == [1, 1]
    said = repro("verify", path, "--workers", 1).out
    for words in (
        "first difference: train mlp · seed 0 · gradual",
        "processor: recorded another one, here ",
        "versions torch: recorded 2.4.0, here ",
        "numerics class: native",
        "0 of 1 verdicts agree",
    ):
        assert words in said


def test_verify_says_when_it_compared_no_verdict(recorded, repro):
    found = repro("verify", recorded[1], "--only", "mlp/gradual", "--workers", 1)
    assert found.status == 0
    assert "no verdict was compared" in found.out
    assert "verdicts agree" not in found.out


def test_verify_runs_a_part_of_a_record(recorded, repro):
    found = repro("verify", recorded[1], "--only", "arithmetic", "--workers", 1, "--json").json
    assert found["compared"] == 1
    assert found["stages"]["train"] == {"identical": 0, "different": 0, "could not run": 0, "not compared": 2}
    refused = repro("verify", recorded[1], "--only", "nothing", "--workers", 1)
    assert refused.status == 64
    assert '"nothing" (--only)' in refused.err


def test_verify_draws_the_same_sample_each_time_with_what_it_needs(recorded, repro):
    first, second = (repro("verify", recorded[1], "--sample", 2, "--workers", 1, "--json").json for _ in range(2))
    assert first == second
    identical = {kind: counts["identical"] for kind, counts in first["stages"].items()}
    assert 2 <= sum(identical.values()) < 7
    assert identical["init"] >= identical["train"] >= identical["measure"]
    refused = repro("verify", recorded[1], "--sample", 8)
    assert refused.status == 64
    assert "the record has: 7" in refused.err


def test_verify_tells_stages_that_could_not_run(recorded, repro, monkeypatch):
    from pruneproof.errors import MaskBreach
    from pruneproof.pipeline import worker

    def refuse(*_):
        raise MaskBreach("a breach")

    monkeypatch.setattr(worker.Task, "data", refuse)
    found = repro("verify", recorded[1], "--workers", 1)
    assert found.status == 2
    assert "could not run: a breach" in found.out
    counts = repro("verify", recorded[1], "--workers", 1, "--json").json["stages"]
    assert counts["train"]["could not run"] == 2


def test_verify_finds_the_record_of_the_last_run_also_of_a_part(ran, repro, folders):
    whole = folders / "store" / "reports" / "tiny" / "mini" / "record.json"
    assert repro("verify", "tiny", "--only", "arithmetic", "--json").json["record"] == str(whole)
    repro("run", "tiny", "--quiet", "--only", "arithmetic", *FAST)
    [part] = whole.parents[1].glob("mini-*/record.json")
    assert repro("verify", "tiny", "--json").json["record"] == str(part)
    (whole.parents[1] / "mini-large-0123456789ab").mkdir()
    (whole.parents[1] / "mini-large-0123456789ab" / "record.json").write_text("{}")
    assert repro("verify", "tiny", "--json").json["record"] == str(part)


def test_verify_finds_an_edited_digest(recorded, repro):
    content, path = recorded
    [stage] = [stage for stage in content["stages"] if stage["kind"] == "mechanism"]
    stage["outputs"]["facts.json"] = "0" * 64
    path.write_text(json.dumps(content))
    found = repro("verify", path, "--workers", 1, "--json")
    assert found.status == 1
    assert [each["output"] for each in found.json["differences"]] == ["facts.json"]
    assert "differs: " in repro("verify", path, "--workers", 1).out


def test_verify_refuses_a_record_of_another_plan(recorded, repro, tiny):
    text = (tiny / "runs.toml").read_text()
    (tiny / "runs.toml").write_text(text.replace("lr = 0.05", "lr = 0.06"))
    found = repro("verify", recorded[1], "--workers", 1)
    assert found.status == 64
    assert "have changed" in found.err


def test_verify_takes_a_papers_last_run_and_uses_a_store_of_its_own(ran, repro, folders):
    shutil.rmtree(folders / "store" / "stages")
    found = repro("verify", "tiny", "--workers", 1)
    assert found.status == 0
    assert not (folders / "store" / "stages").exists()


def test_lint_checks_the_text_against_the_tables(tiny, repro):
    assert repro("lint", "tiny").status == 0
    assert repro("lint", "tiny", "--json").json[0]["verdict"] == "holds"
    table = tiny / "tables" / "results.csv"
    table.write_text(table.read_text().replace("90.5", "80.5"))
    found = repro("lint", "tiny")
    assert found.status == 1
    assert "FAIL table" in found.out


def test_plugins_shows_who_registers_what_and_from_where(tiny, repro):
    found = repro("plugins")
    assert found.status == 0
    assert "tiny-paper  tiny-paper 2.5" in found.out
    plugins = {plugin["name"]: plugin for plugin in repro("plugins", "--json").json}
    assert plugins["tiny-paper"]["registers"]["mechanism"]["adds-up"].startswith(str(tiny.parent))
    assert "magnitude" in plugins["builtin"]["registers"]["criterion"]


THIEF = """
    from pruneproof.api import Criterion, Source, hookimpl

    def score(weights):
        return weights

    @hookimpl
    def pruneproof_criteria():
        return [Criterion("magnitude", score, Source("A. Thief", 2021, "Mine"))]
"""


@pytest.mark.parametrize("source", ["raise ValueError('no good')", THIEF])
def test_plugins_shows_a_broken_plugin_by_name_beside_the_others(tiny, install, repro, source):
    install("broken", source)
    found = repro("plugins")
    assert found.status == 69
    assert "broken  broken 1.0  BROKEN: " in found.out
    assert "tiny-paper" in found.out
    names = {plugin["name"]: plugin for plugin in repro("plugins", "--json").json}
    assert "broken" in names["broken"]


def test_data_lists_finds_and_fingerprints(repro):
    found = repro("data", "list")
    assert found.status == 0
    rows = {row["id"]: row for row in repro("data", "list", "--json").json["data"]}
    assert rows["digits"]["status"] == "embedded"
    assert rows["cifar10"]["status"].startswith("missing")
    assert rows["imagenet"]["status"] == "missing; must be obtained by hand"
    print_ = repro("data", "fingerprint", "digits", "--json").json["fingerprint"]
    assert print_ in repro("data", "fingerprint", "digits").out
    assert repro("data", "fetch", "digits").status == 0


def test_data_list_shows_a_damaged_data_set_beside_the_others(repro, folders):
    folder = folders / "data" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name in (
        "data_batch_1",
        "data_batch_2",
        "data_batch_3",
        "data_batch_4",
        "data_batch_5",
        "test_batch",
        "batches.meta",
    ):
        (folder / name).write_bytes(b"damaged")
    rows = {row["id"]: row for row in repro("data", "list", "--json").json["data"]}
    assert "damaged" in rows["cifar10"]["status"]
    assert rows["digits"]["status"] == "embedded"


def test_doctor_tells_what_a_run_would_find(repro, folders):
    found = repro("doctor", "--json")
    assert found.status == 0
    assert "torch" in found.json["versions"]
    assert found.json["store"].endswith("(writable)")
    assert "store" in repro("doctor").out


def test_doctor_tells_in_which_numerics_classes_this_machine_can_compute(repro, monkeypatch):
    found = repro("doctor", "--json").json["numerics classes"]
    assert list(found) == ["native", "x86-64-v3", "portable"]
    assert found["native"].startswith("yes")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    said = repro("doctor").out
    assert "x86-64-v3: no: it needs an x86-64 processor, and this one is arm64\n" in said
    assert "no record in x86-64-v3\n" in said
    assert "no record of another minor version of torch" in said


def test_doctor_names_a_broken_plugin(install, repro):
    install("broken", "raise ValueError('no good')")
    found = repro("doctor", "--json")
    assert found.status == 69
    assert "no good" in found.json["broken plugins"]["broken"]


def test_doctor_names_a_store_that_cannot_be_written(repro, folders):
    (folders / "file").write_text("in the way")
    found = repro("doctor", "--store", folders / "file" / "store", "--json")
    assert found.status == 73
    assert "cannot be written" in found.json["store"]


def test_cite_prints_bibtex_and_the_methods_in_use(tiny, repro):
    found = repro("cite", "tiny")
    assert found.status == 0
    assert found.out.startswith("@misc{tester2020seconds")
    assert "criterion synflow: Tanaka" in found.out
    assert "@misc" in repro("cite", "tiny", "--json").json["bibtex"]


def test_a_plan_says_which_claims_it_has_too_few_seeds_for(tiny, repro):
    assert "2 seeds decide nothing, 5 may: 2 claims (learns, ordered)" in repro("plan", "tiny").out
    assert "decide nothing" not in repro("plan", "tiny", "--seeds", "5").out
    assert "decide nothing" not in repro("plan", "tiny", "--only", "fresh").out
