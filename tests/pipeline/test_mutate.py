from contextlib import contextmanager

import pytest

from pruneproof.papers.record import ClaimRecord
from pruneproof.pipeline.mutants import MUTANTS, Mutant
from pruneproof.pipeline.mutate import run_mutants, state_of
from pruneproof.pipeline.prepare import prepare

CLAIMS = """
[[claim]]
id = "sparse"
kind = "re-run"
text = "A pruned network saves most multiplications."
where = "nowhere"
strength = "control"
why = "plain"
test = { id = "threshold", relation = ">", value = 0.5 }
[claim.evidence.mini]
operands = [{ run = "mlp", method = "global", sparsity = 0.9, metric = "macs-pruned" }]

[[claim]]
id = "empty"
kind = "re-run"
text = "An accuracy is a number."
where = "nowhere"
strength = "control"
why = "nothing can break it"
test = { id = "threshold", relation = ">", value = -1e6 }
[claim.evidence.mini]
operands = [{ run = "mlp", method = "global", sparsity = 0.9 }]

[[claim]]
id = "scored"
kind = "setup"
text = "Both methods score alike."
where = "nowhere"
strength = "control"
equal = ["criterion"]
[claim.evidence.mini]
run = "mlp"
methods = ["global", "uniform"]

[[claim]]
id = "dense"
kind = "re-run"
text = "A dense network is better than chance."
where = "nowhere"
strength = "control"
why = "plain"
test = { id = "threshold", relation = ">", value = 10.0 }
[claim.evidence.mini]
operands = [{ run = "mlp", method = "dense" }]
"""


@contextmanager
def quiet(name, prepared):
    yield lambda event: None


@pytest.fixture
def trials(tiny, ask):
    """Run mutants of a method of the tiny paper with claims of this file: ids -> what came out."""
    (tiny / "claims.toml").write_text(CLAIMS)

    def run(*names, more=(), **changes):
        prepared = prepare(ask(only=("mlp/global", "mlp/dense"), **changes), fetch=False)
        return run_mutants(prepared, [*(each for each in MUTANTS if each.id in names), *more], quiet)

    return run


def test_claims_are_sorted_by_what_they_say_to_mutants(trials):
    found = trials("revived", "signed", "seeds", seeds=(0, 1, 2, 3, 4))
    states = {trial.mutant.id: trial.states for trial in found.trials}
    assert states["revived"] == {"sparse": "killed", "empty": states["revived"]["empty"], "scored": "untouched",
                                 "dense": "untouched"}  # fmt: skip
    assert states["revived"]["empty"] in ("moved", "survived")
    assert states["signed"]["scored"] == "survived"
    assert states["seeds"]["dense"] in ("moved", "survived")
    assert found.killing == ["sparse"]
    assert found.untouched == ["dense"]
    assert found.unchanged in (["scored"], ["empty", "scored"])
    assert found.chance == []


def test_scores_on_test_samples_make_other_networks_where_a_criterion_looks_at_data(trials):
    plain = trials("test-data")
    assert set(plain.trials[0].states.values()) == {"untouched"}
    snip = trials("test-data", settings=("mlp.methods.global.criterion=snip",))
    assert snip.trials[0].reason == ""
    assert snip.trials[0].states["sparse"] != "untouched"
    assert snip.trials[0].states["dense"] == "untouched"


def test_a_mutant_that_leaves_all_networks_as_they_are_reaches_no_claim(trials):
    found = trials("ties")
    assert set(found.trials[0].states.values()) == {"untouched"}
    assert found.unchanged == []


def test_a_mutant_that_cannot_run_is_said_and_the_others_go_on(trials):
    def refused(run, catalog):
        changed = {**run.recipe, "retrain": run.recipe["retrain"].model_copy(update={"validation": 1e-6})}
        return run.model_copy(update={"recipe": changed})

    found = trials("signed", more=(Mutant("refused", "Holds nothing out.", refused),))
    assert [bool(trial.reason) for trial in found.trials] == [False, True]
    assert found.trials[1].states == {}


def test_settings_and_seeds_are_those_of_the_request(trials):
    found = trials(settings=("mlp.recipe.dense.epochs=1",), seeds=(3, 4, 5))
    assert {claim.n for claim in found.judged if claim.kind == "re-run"} == {3}


def record(verdict="holds", value=1.0, low=0.5, high=1.5):
    return ClaimRecord(
        id="a", kind="re-run", text="", where="", strength="stated", reported="", unit="", test="", reason="",
        verdict=verdict, value=value, low=low, high=high,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("after", "state"),
    [
        (record("fails"), "killed"),
        (record("not-run", value=None), "killed"),
        (record(value=1.5), "survived"),
        (record(value=1.51), "moved"),
        (record(value=0.49), "moved"),
        (record(value=None), "survived"),
    ],
)
def test_a_verdict_kills_and_a_value_beyond_half_the_interval_moves(after, state):
    assert state_of(record(), after, is_same=False) == state


def test_a_value_without_an_interval_does_not_move():
    assert state_of(record(low=None, high=None), record(value=9.0), is_same=False) == "survived"
