import re
from dataclasses import replace
from fnmatch import fnmatchcase

import pytest

from pruneproof.contracts.choice import Choice
from pruneproof.errors import BadConfig, BadPlugin, UnknownName
from pruneproof.papers.check_names import check_names
from pruneproof.papers.load import load_paper
from pruneproof.papers.schema import FiguresFile, FigureSpec
from pruneproof.report.figures import draw, try_figures
from pruneproof.report.table import table_of


@pytest.fixture
def declare(papers, tmp_path):
    """Return a paper with another figures.toml: text -> paper."""
    import shutil

    def made(text):
        folder = tmp_path / "global-mp"
        shutil.copytree(papers["global-mp"].folder, folder, ignore=shutil.ignore_patterns("records"))
        (folder / "figures.toml").write_text(text, encoding="utf-8")
        return load_paper(folder)

    return made


def names(plots):
    return [plot.name for group in plots.values() for plot in group]


@pytest.mark.parametrize("paper", ["global-mp", "loss-modelling"])
def test_the_figures_of_a_paper_can_be_drawn_before_anything_is_run(papers, catalog, paper):
    check_names(papers[paper], catalog)
    try_figures(papers[paper], catalog)


def test_each_run_has_its_figures_and_the_record_its_own(report):
    assert names(report.plots) == [
        "claims-2",
        "claims-3",
        "claims-4",
        "claims-5",
        "claims-6",
        "claims-other",
        "mobilenet-networks",
        "mobilenet-accuracy",
        "mobilenet-macs",
        "mobilenet-densities",
    ]
    assert list(report.plots) == ["", "mobilenet"]


def test_loss_modelling_has_its_figures(papers, records, catalog):
    record = records("loss-modelling", "mini")
    found = draw(record, table_of(record), papers["loss-modelling"], catalog)
    assert [name for name in names(found) if not name.startswith("claims-")] == [
        "mlp-loss-iterations",
        "mlp-loss-penalty",
        "mlp-before-after",
    ]


def test_captions_begin_with_what_is_shown_and_differ(report):
    captions = [plot.caption for group in report.plots.values() for plot in group]
    assert len({caption[:60] for caption in captions}) == len(captions)
    of_questions, of_runs = captions[:6], captions[6:]
    assert all(caption.startswith("global-mp at mini, ") for caption in of_questions)
    assert all(caption.startswith("mobilenet: ") for caption in of_runs)
    assert of_runs[2].endswith("Every zero weight counts as saved work, which no measurement of speed stands behind.")


def test_each_question_has_the_claims_that_answer_it_and_every_claim_is_shown(report, papers):
    shown = {plot.name: set(re.findall(r">. ([\w.-]+): ", plot.svg)) for plot in report.plots[""]}
    with_value = {claim.id for claim in report.record.claims if claim.value is not None}
    for number, finding in enumerate(papers["global-mp"].claims.finding, 1):
        assert shown.get(f"claims-{number}", set()) == {
            claim for claim in with_value if any(fnmatchcase(claim, each) for each in finding.claims)
        }
    assert set().union(*shown.values()) == with_value


def test_without_declared_figures_there_are_some_that_suit_any_paper(tiny_run, tiny_record, catalog):
    paper = load_paper(tiny_run[1])
    assert paper.figures == FiguresFile()
    found = draw(tiny_record, table_of(tiny_record), paper, catalog)
    assert names(found) == ["claims", "mlp-networks", "mlp-sparsity", "fresh-networks"]


def test_a_run_reports_its_figures(tiny_run):
    assert sorted(path.stem for path in (tiny_run[0] / "figures").iterdir()) == [
        "claims",
        "fresh-networks",
        "mlp-networks",
        "mlp-sparsity",
    ]


def test_the_same_record_gives_the_same_bytes(report, small, papers, catalog):
    assert draw(small, table_of(small), papers["global-mp"], catalog) == report.plots


def test_figures_of_a_run_are_drawn_for_it_alone(small, declare, catalog):
    paper = declare('[[figure]]\nkind = "strip"\nrun = ["wrn", "mobilenet"]\nname = "dots"\n')
    assert names(draw(small, table_of(small), paper, catalog)) == ["mobilenet-dots"]
    paper = replace(paper, figures=FiguresFile(figure=[{"kind": "strip", "run": "wrn"}]))
    assert names(draw(small, table_of(small), paper, catalog)) == []


def test_figures_of_one_kind_get_names_of_their_own(small, declare, catalog):
    paper = declare('[[figure]]\nkind = "strip"\n\n[[figure]]\nkind = "strip"\ntitle = "again"\n')
    assert names(draw(small, table_of(small), paper, catalog)) == ["mobilenet-strip", "mobilenet-strip-2"]


def test_twins_are_drawn_against_the_papers_own_and_other_runs_as_declared(twins, papers, catalog):
    found = draw(twins, table_of(twins), papers["global-mp"], catalog)
    [plot] = found["mlp"]
    assert plot.name == "mlp-twins"
    for word in (">own<", ">mine<", ">dense<", "accuracy (%)"):
        assert word in plot.svg
    assert "wrn-networks" in names(found)


def test_twins_at_one_sparsity_are_dots(twins, papers, catalog):
    cells = tuple(cell for cell in twins.cells if cell.sparsity in (0.0, 0.9) and cell.run == "mlp")
    one = twins.model_copy(update={"cells": cells})
    [plot] = draw(one, table_of(one), papers["global-mp"], catalog)["mlp"]
    assert "of every network" in plot.caption


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        (
            'kind = "curvs"',
            UnknownName,
            'figure "curvs" (global-mp/figures.toml, line 1) is not known. Nearest: "curves"',
        ),
        (
            'kind = "strip"\nrun = "mpl"',
            UnknownName,
            'run "mpl" (global-mp/figures.toml, line 1) is not known. Nearest',
        ),
        ('kind = "strip"\ny = "acuracy"', UnknownName, 'global-mp/figures.toml, line 1: metric or column "acuracy"'),
        ('kind = "curves"\ny_scale = "lgo"', UnknownName, 'global-mp/figures.toml, line 1: scale "lgo" is not known'),
        ('kind = "curves"\nband = "bnad"', UnknownName, 'global-mp/figures.toml, line 1: band "bnad" is not known'),
        ('kind = "curves"\nwhere = "snip"', BadConfig, "global-mp/figures.toml, line 1: rows are chosen by 'snip'"),
        (
            'kind = "curves"\ny = "weights"\nbest_over = "iterations"',
            BadConfig,
            'global-mp/figures.toml, line 1: metric "weights" is not better',
        ),
    ],
    ids=["kind", "run", "metric", "scale", "band", "where", "best"],
)
def test_what_is_wrong_is_one_sentence_with_file_and_line(declare, catalog, text, kind, said):
    paper = declare(f"[[figure]]\n{text}\n")
    with pytest.raises(kind, match=re.escape(said)) as refused:
        try_figures(paper, catalog)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('kind = "strip"\ny_scal = "log"', 'option of figure "strip" "y_scal" (global-mp/figures.toml, line 1)'),
        ('kind = "strip"\ny = 3', 'figure "strip" has y = 3, of type int; str was expected'),
        ('kind = "strip"\nreference = "dense"', "of type str; tuple was expected"),
    ],
    ids=["unknown option", "wrong type", "word for a list"],
)
def test_options_are_checked_by_name_and_type(declare, catalog, text, said):
    with pytest.raises((UnknownName, BadConfig), match=re.escape(said)):
        check_names(declare(f"[[figure]]\n{text}\n"), catalog)


@pytest.mark.parametrize(
    ("text", "said"),
    [("title = 'x'", "kind"), ('kind = "strip"\ncaption = 3', "caption"), ('kind = "strip"\nname = "A b"', "name")],
    ids=["no kind", "caption", "name"],
)
def test_what_every_figure_has_is_checked_as_the_file_is_read(declare, text, said):
    with pytest.raises(BadConfig, match=rf"figures\.toml, line \d.*{said}"):
        declare(f"[[figure]]\n{text}\n")


def test_a_figure_that_breaks_is_blamed_on_its_plugin(tmp_path, papers):
    from pruneproof.registry.catalog import build_catalog

    source = """
from pruneproof.api import Figure, hookimpl

def broken(table, canvas, *, y: str = ""):
    return 1 / 0

@hookimpl
def pruneproof_figures():
    return [Figure("broken", broken, "breaks")]
"""
    (tmp_path / "breaks.py").write_text(source, encoding="utf-8")
    catalog = build_catalog(["builtin"], files=[tmp_path / "breaks.py"])
    spec = FigureSpec(kind=Choice(id="broken"))
    paper = replace(papers["global-mp"], figures=FiguresFile(figure=(spec,)))
    with pytest.raises(BadPlugin, match=r'figure "broken" \(.*breaks\.py:4.*raised ZeroDivisionError'):
        try_figures(paper, catalog)
