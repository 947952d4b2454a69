"""Where mask and weights come from, read off the steps of the survey's methods by hand."""

from pathlib import Path

import pytest

from pruneproof.papers.framework import origin_of
from pruneproof.papers.load import load_paper
from pruneproof.papers.short_form import dense_method

PAPER = load_paper(Path(__file__).parents[2] / "papers" / "emerging-paradigms")
RUN = PAPER.runs.runs("mini")["conv"]
METHODS = {each.method: each for each in RUN.methods}


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("finetune", ("w(K), magnitude", "w(K)", "", "5 epochs", "static")),
        ("lrr", ("w(K), magnitude", "w(K)", "", "5 epochs", "static")),
        ("lrr-reinit", ("w(K), magnitude", "w(K)", "re-initialise", "5 epochs", "static")),
        ("lth-0", ("w(K), magnitude", "w(0)", "", "5 epochs", "static")),
        ("lth-k", ("w(K), magnitude", "w(1)", "", "4 epochs", "static")),
        ("imp-lrr", ("w(K), magnitude in 2 rounds", "w(K)", "", "10 epochs", "static")),
        ("snip", ("w(0), snip", "w(0)", "", "5 epochs", "static")),
        ("snip-shuffled", ("w(0), snip", "w(0)", "shuffle-within-layers", "5 epochs", "static")),
        ("synflow", ("w(0), synflow in 100 steps", "w(0)", "", "5 epochs", "static")),
        ("early-crop", ("w(2), early-crop in 10 steps", "w(2)", "", "3 epochs", "static")),
        ("rigl", ("w(0), random to begin with", "w(0)", "", "5 epochs", "moves: rigl")),
        ("gmp", ("w(0), none to begin with", "w(0)", "", "5 epochs", "moves: gradual")),
        ("edge-popup", ("w(0), edge-popup", "w(0)", "signed-constant", "not", "static")),
        ("gem-miner", ("w(0), gem-miner", "w(0)", "signed-constant", "5 epochs", "static")),
    ],
)
def test_a_method_is_the_row_of_the_framework_that_the_survey_gives_it(method, expected):
    assert tuple(origin_of(RUN, METHODS[method])) == expected


def test_the_dense_network_has_no_mask():
    assert tuple(origin_of(RUN, dense_method())) == ("none", "w(K)", "", "5 epochs", "none")


@pytest.mark.parametrize("paper", sorted(each.parent.name for each in Path("papers").glob("*/runs.toml")))
def test_every_method_of_every_paper_has_a_row(paper):
    found = load_paper(Path("papers") / paper)
    for profile in found.runs.profiles:
        for run in found.runs.runs(profile).values():
            for method in run.methods:
                assert all(origin_of(run, method)[place] for place in (0, 1, 3, 4))
