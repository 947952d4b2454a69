import csv
import re
import shutil
from html.parser import HTMLParser

import pytest

from pruneproof.report.html import make_report, render, render_html

VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Collects text, ids and references, and checks that tags are closed in order."""

    def __init__(self, source):
        super().__init__()
        self.open = []
        self.ids = []
        self.references = []
        self.tags = set()
        self.words = []
        self.feed(source)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src", "xlink:href"):
                self.references.append(value or "")

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def rendered(small, papers, catalog, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    paths = render(small, papers["global-mp"], catalog, folder / "new")
    return paths, Page(paths["report"].read_text(encoding="utf-8"))


def test_everything_is_written_and_nothing_else(rendered):
    paths, _ = rendered
    folder = paths["report"].parent
    assert {path.name for path in folder.iterdir()} == {"report.html", "report.md", "results.csv", "figures"}
    assert {path.suffix for path in paths["figures"].iterdir()} == {".svg"}


def test_the_page_is_well_formed_with_unique_ids_and_working_anchors(rendered):
    _, page = rendered
    assert len(page.ids) == len(set(page.ids))
    anchors = {reference[1:] for reference in page.references if reference.startswith("#")}
    assert anchors <= set(page.ids)


def test_the_page_needs_nothing_from_elsewhere(rendered):
    paths, page = rendered
    assert page.tags.isdisjoint({"script", "link", "img", "iframe"})
    source = paths["report"].read_text(encoding="utf-8")
    assert "@import" not in source
    assert "url(http" not in source


def test_every_claim_is_there_with_its_reason_and_its_facts(rendered, small):
    _, page = rendered
    for claim in small.claims:
        assert f"claim-{claim.id}" in page.ids
        assert " ".join(claim.text.split()) in page.text
        assert claim.reason in page.text
        for fact in claim.facts:
            assert fact.statement in page.text


def test_results_come_before_the_claims_one_by_one_and_what_is_exact_last(rendered):
    _, page = rendered
    figures = [place for place, name in enumerate(page.ids) if name.endswith("-caption")]
    claims = [page.ids.index(name) for name in ("re-run", "printed")]
    assert "mobilenet-accuracy-caption" in page.ids
    assert [*figures, *claims] == sorted([*figures, *claims])


def test_kinds_of_claims_are_those_of_the_papers_layer(small, papers, catalog):
    setup = small.claims[0].model_copy(update={"id": "s1", "kind": "setup", "facts": ()})
    page = Page(render_html(make_report(small.model_copy(update={"claims": (setup,)}), papers["global-mp"], catalog)))
    assert "Set-up claims" in page.text
    assert "claim-s1" in page.ids


def test_every_number_of_the_end_is_in_a_table_with_its_unit(rendered):
    _, page = rendered
    assert "Numbers of mobilenet, end" in page.text
    for head in ("accuracy (%)", "constant-output", "macs-pruned", "epochs"):
        assert head in page.text


def test_every_figure_has_a_spoken_name(rendered, report):
    paths, page = rendered
    source = paths["report"].read_text(encoding="utf-8")
    for group in report.plots.values():
        for plot in group:
            assert f'aria-labelledby="{plot.name}-caption"' in source
            assert f"{plot.name}-caption" in page.ids


def test_what_was_run_where_is_there(rendered, small):
    _, page = rendered
    for each in (small.plan, *small.data.values(), "torch 2.15.0", small.environment["processor"]):
        assert each in page.text


def test_text_is_escaped(small, papers, catalog):
    claim = small.claims[0].model_copy(update={"text": "<script>alert(1)</script> & more"})
    source = render_html(make_report(small.model_copy(update={"claims": (claim,)}), papers["global-mp"], catalog))
    assert "<script>alert(1)</script> & more" in Page(source).text
    assert "<script>" not in source


def test_the_papers_numbers_are_kept_apart_from_small_scale_ones(rendered):
    _, page = rendered
    assert "Not comparable with the results above" in page.text
    assert "not the paper's own scale" in page.text


def test_at_the_papers_scale_no_such_warning_is_given(small, papers, catalog):
    report = make_report(small.model_copy(update={"scale": "paper"}), papers["global-mp"], catalog)
    text = Page(render_html(report)).text
    assert "Not comparable" not in text
    assert "not the paper's own scale" not in text


def test_how_to_cite_paper_and_software_is_there(rendered, report):
    paths, _ = rendered
    source = paths["report"].read_text(encoding="utf-8")
    assert report.bibtex.strip() in source
    assert "@software{pruneproof," in source


def test_a_variant_has_results_and_no_verdicts(variant, papers, catalog, tmp_path):
    paths = render(variant, papers["global-mp"], catalog, tmp_path)
    page = Page(paths["report"].read_text(encoding="utf-8"))
    assert "no claim is judged" in page.text
    assert "re-run" not in page.ids
    assert 'class="badge' not in paths["report"].read_text(encoding="utf-8")
    assert not (tmp_path / "figures" / "claims.svg").exists()
    assert "mobilenet-accuracy-caption" in page.ids


NUMBER = re.compile(r"-?\d+\.\d+")


def parts(folder):
    """Return file -> its text without decimals, and the decimals.

    The solver that lays figures out adds up in the order of memory addresses, so that last digits may differ.
    """
    texts = {path.relative_to(folder): path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.*"))}
    return {
        name: (NUMBER.sub("", text), [float(number) for number in NUMBER.findall(text)]) for name, text in texts.items()
    }


def test_rendering_again_gives_the_same_files_and_drops_stale_figures(small, papers, catalog, rendered, tmp_path):
    old, again = rendered[0]["report"].parent, tmp_path / "again"
    shutil.copytree(old, again)
    (again / "figures" / "gone.svg").write_text("<svg/>")
    render(small, papers["global-mp"], catalog, again)
    first, second = parts(old), parts(again)
    assert set(first) == set(second)
    for name, (text, numbers) in first.items():
        assert second[name][0] == text
        assert second[name][1] == pytest.approx(numbers, abs=0.01)


def test_the_results_can_be_read_back(rendered, small):
    paths, _ = rendered
    with paths["results"].open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == len(small.cells)


def test_a_run_leaves_a_page(tiny_run, tiny_record):
    page = Page((tiny_run[0] / "report.html").read_text(encoding="utf-8"))
    for claim in tiny_record.claims:
        assert f"claim-{claim.id}" in page.ids
    assert "fresh-networks-caption" in page.ids
