"""What is measured is judged, or named with a reason."""

from pathlib import Path

import pytest

from pruneproof.errors import UnknownName
from pruneproof.papers.load import load_paper
from pruneproof.papers.unjudged import Open, unjudged

PAPERS = sorted(path.parent for path in (Path(__file__).parents[2] / "papers").glob("*/claims.toml"))
UNIFORM = """
[[unjudged.mini]]
run = "mlp"
method = "uniform"
why = "a reason"
"""


def named(tiny, text):
    (tiny / "claims.toml").write_text((tiny / "claims.toml").read_text() + text)
    return unjudged(load_paper(tiny), "mini")


def test_what_a_claim_reads_is_not_listed_and_the_rest_is(tiny):
    found = {(each.run, each.method, each.sparsity) for each in named(tiny, "")}
    assert ("mlp", "global", 0.98) not in found
    assert ("mlp", "uniform", 0.9) in found
    assert not any(method == "dense" for _, method, _ in found)


def test_a_reason_holds_for_all_sparsities_or_for_those_that_it_names(tiny):
    whys = {(each.method, each.sparsity): each.why for each in named(tiny, UNIFORM)}
    assert {why for (method, _), why in whys.items() if method == "uniform"} == {"a reason"}
    assert {why for (method, _), why in whys.items() if method != "uniform"} == {""}


def test_a_reason_for_one_sparsity_leaves_the_others_without(tiny):
    found = named(tiny, UNIFORM + "sparsities = [0.9]\n")
    assert [each for each in found if each.why] == [Open("mlp", "uniform", 0.9, "a reason")]


@pytest.mark.parametrize(
    ("old", "new", "named_as"),
    [("uniform", "unifrm", "method of mini run mlp"), ("mlp", "mlq", "mini run"), ("mini", "mimi", "profile"),
     ('"a reason"', '"a reason"\nsparsities = [0.5]', "sparsity of mini run mlp, method uniform")],
)  # fmt: skip
def test_what_is_named_must_exist(tiny, old, new, named_as):
    with pytest.raises(UnknownName, match=named_as):
        named(tiny, UNIFORM.replace(old, new))


@pytest.mark.parametrize("folder", PAPERS, ids=lambda folder: folder.name)
def test_every_measured_method_of_our_papers_is_judged_or_named_with_a_reason(folder):
    paper = load_paper(folder)
    for profile in paper.runs.profiles:
        assert [each for each in unjudged(paper, profile) if not each.why] == []
