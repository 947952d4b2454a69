"""Whether a record registered the claims of a paper's files, and what differs where it did not."""

import pytest

from pruneproof.papers.claims import Evidence, judge
from pruneproof.papers.load import load_paper
from pruneproof.papers.record import Cell, Record
from pruneproof.papers.registration import Registered, compare_registration, question_digest, registration_digest
from pruneproof.registry.catalog import build_catalog

ANOTHER = """
[[claim]]
id = "another"
kind = "re-run"
text = "A dense network is much better than chance."
where = "nowhere"
strength = "control"
why = "plain"
test = { id = "threshold", relation = ">", value = 50.0 }
evidence.mini.operands = [{ run = "mlp", method = "dense" }]
"""


def edit(folder, old, new, file="claims.toml"):
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))


def record_of(paper, post_hoc=()):
    cells = [
        Cell(run="mlp", method=method, sparsity=sparsity, seed=seed, stages=(), measured={"end": {"accuracy": 90.0}})
        for method, sparsity in (("dense", 0.0), ("global", 0.98))
        for seed in range(5)
    ]
    catalog = build_catalog(paper.info.plugins)
    return Record.model_construct(
        profile="mini",
        registration=registration_digest(paper, "mini", post_hoc)[:32],
        claims=judge(Evidence(paper, "mini", catalog, cells, {}, post_hoc)),
    )


def test_a_record_registered_the_claims_of_the_files_that_it_was_made_of(tiny):
    paper = load_paper(tiny)
    assert compare_registration(record_of(paper), paper) == Registered(agrees=True)
    late = record_of(paper, ("ordered",))
    assert compare_registration(late, paper) == Registered(agrees=True)
    assert compare_registration(late.model_copy(update={"registration": ""}), paper) is None


def test_a_claim_that_was_added_is_named_and_the_rest_is_the_same(tiny):
    record = record_of(load_paper(tiny))
    with (tiny / "claims.toml").open("a") as file:
        file.write(ANOTHER)
    found = compare_registration(record, load_paper(tiny))
    assert found == Registered(agrees=False, new=("another",), is_old_part_same=True)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("value = 10.0", "value = 20.0", ("learns",)),
        ('id = "ordered"', 'headline = true\nid = "ordered"', ("ordered",)),
        ('method = "global", sparsity = 0.98 }]', 'method = "global", sparsity = 0.9 }]', ("ordered",)),
    ],
)
def test_a_claim_that_was_changed_is_named(tiny, old, new, named):
    record = record_of(load_paper(tiny))
    edit(tiny, old, new)
    assert compare_registration(record, load_paper(tiny)) == Registered(agrees=False, changed=named)


def test_other_seeds_differ_without_a_claim_to_name(tiny):
    record = record_of(load_paper(tiny))
    edit(tiny, "seeds = [0, 1]", "seeds = [0, 1, 2]", "runs.toml")
    assert compare_registration(record, load_paper(tiny)) == Registered(agrees=False)


def test_seeds_and_ranks_among_claims_are_no_part_of_what_a_claim_asks(tiny):
    before = load_paper(tiny).claims.claim[0]
    edit(tiny, "seeds = [0, 1]", "seeds = [0, 1, 2]", "runs.toml")
    edit(tiny, 'id = "learns"', 'headline = true\nid = "learns"')
    assert question_digest(load_paper(tiny).claims.claim[0], "mini") == question_digest(before, "mini")
    edit(tiny, "value = 10.0", "value = 20.0")
    assert question_digest(load_paper(tiny).claims.claim[0], "mini") != question_digest(before, "mini")
