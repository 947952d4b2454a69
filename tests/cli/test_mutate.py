"""`repro mutate` on the tiny paper: its table, its summary, its JSON, and what it leaves alone."""

import pytest

from pruneproof.pipeline.mutants import MUTANTS

FAST = ("--only", "mlp/global", "--only", "mlp/dense", "--seeds", 5, "--device", "cpu", "--workers", 1)


def test_a_claim_that_no_mutant_changes_is_named(tiny, repro, folders):
    found = repro("mutate", "tiny", "--mutant", "one-more", *FAST)
    assert found.status == 1
    assert "2 claims: 0 kill at least one mutant; not changed by any: ordered." in found.out
    assert "No mutant reaches: learns." in found.out
    assert "one-more: " in found.err
    assert not (folders / "store").exists()


@pytest.fixture
def sure(tiny):
    """Let the claim `ordered` hold of a network that is still pruned, and not of another."""
    text = (tiny / "claims.toml").read_text()
    old = 'operands = [{ run = "mlp", method = "dense" }, { run = "mlp", method = "global", sparsity = 0.98 }]'
    new = 'operands = [{ run = "mlp", method = "global", sparsity = 0.98, metric = "macs-pruned" }]'
    assert old in text
    text = text.replace(old, new).replace('{ id = "paired-difference", relation = ">" }',
                                          '{ id = "threshold", relation = ">", value = 0.5 }')  # fmt: skip
    (tiny / "claims.toml").write_text(text)


def test_json_says_for_each_claim_what_becomes_of_each_mutant(sure, repro):
    found = repro("mutate", "tiny", "--mutant", "revived", "--json", *FAST)
    assert (found.status, found.err) == (0, "")
    claims = {each["id"]: each for each in found.json["claims"]}
    assert claims["ordered"]["verdict"] == "holds"
    assert claims["ordered"]["mutants"]["revived"]["state"] == "killed"
    assert claims["ordered"]["mutants"]["revived"]["verdict"] == "fails"
    assert claims["learns"]["mutants"]["revived"]["state"] == "untouched"
    assert found.json["killing"] == ["ordered"]
    assert [each["id"] for each in found.json["mutants"]] == ["revived"]


def test_stages_are_kept_where_store_says_and_a_second_time_runs_none(sure, repro, folders):
    arguments = ("mutate", "tiny", "--mutant", "revived", "--store", folders / "mutants", *FAST)
    assert repro(*arguments).status == 0
    again = repro(*arguments)
    assert again.err.count(" 0 to run") == 2
    assert not list((folders / "mutants" / "reports").iterdir())


def test_a_store_of_runs_is_refused(ran, repro, folders, monkeypatch):
    monkeypatch.delenv("PRUNEPROOF_STORE")
    found = repro("mutate", "tiny", "--store", folders / "store", *FAST)
    assert found.status == 64
    assert "--store" in found.err


def test_the_store_of_the_environment_is_refused_before_anything_is_in_it(tiny, repro, folders):
    assert repro("mutate", "tiny", "--store", folders / "store", *FAST).status == 64
    assert not (folders / "store").exists()


def test_the_verb_explains_itself_and_the_ids_are_unlike(repro):
    assert repro("mutate", "--help").status == 0
    assert len({each.id for each in MUTANTS}) == len(MUTANTS)
