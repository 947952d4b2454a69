import csv
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pruneproof.papers.record import Record
from pruneproof.papers.schema import PaperInfo
from pruneproof.report.html import render

VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Collects text, ids and references, and checks that tags are closed in order."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.tags: set[str] = set()
        self.words: list[str] = []
        self.feed(source)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src", "xlink:href"):
                self.references.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


Rendered = tuple[dict[str, Path], Page]


@pytest.fixture(scope="module")
def rendered(
    record: Record,
    info: PaperInfo,
    tables: dict[str, list[dict[str, str]]],
    bibtex: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Rendered:
    folder = tmp_path_factory.mktemp("report")
    paths = render(record, info=info, tables=tables, bibtex=bibtex, folder=folder / "new")
    return paths, Page(paths["report"].read_text(encoding="utf-8"))


def test_everything_is_written_and_nothing_else(rendered: Rendered) -> None:
    paths, _ = rendered
    folder = paths["report"].parent
    assert {path.name for path in folder.iterdir()} == {"report.html", "report.md", "results.csv", "figures"}
    assert {path.suffix for path in paths["figures"].iterdir()} == {".svg"}


def test_the_page_is_well_formed_with_unique_ids_and_working_anchors(rendered: Rendered) -> None:
    _, page = rendered
    assert len(page.ids) == len(set(page.ids))
    anchors = {reference[1:] for reference in page.references if reference.startswith("#")}
    assert anchors <= set(page.ids)


def test_the_page_needs_nothing_from_elsewhere(rendered: Rendered) -> None:
    paths, page = rendered
    assert page.tags.isdisjoint({"script", "link", "img", "iframe"})
    source = paths["report"].read_text(encoding="utf-8")
    assert "@import" not in source
    assert "url(http" not in source


def test_every_claim_is_there_with_its_reason_and_its_facts(rendered: Rendered, record: Record) -> None:
    _, page = rendered
    for claim in record.claims:
        assert f"claim-{claim.id}" in page.ids
        assert claim.text in page.text
        assert claim.reason in page.text
        for fact in claim.facts:
            assert fact.statement in page.text


def test_what_was_run_where_is_there(rendered: Rendered, record: Record) -> None:
    _, page = rendered
    for each in (
        record.plan,
        *record.data.values(),
        "torch 2.9.0",
        "pruneproof 0.1.0",
        "Some CPU @ 2.5 GHz",
        "8dd53b7",
    ):
        assert each in page.text


def test_text_is_escaped(rendered: Rendered) -> None:
    paths, page = rendered
    assert "<script>alert(1)</script>" in page.text
    assert "<script>" not in paths["report"].read_text(encoding="utf-8")


def test_the_papers_numbers_are_kept_apart_from_small_scale_ones(rendered: Rendered) -> None:
    _, page = rendered
    assert "Not comparable with the accuracies above" in page.text
    assert "not the paper's own scale" in page.text


def test_at_the_papers_scale_no_such_warning_is_given(
    record: Record, info: PaperInfo, tables: dict[str, list[dict[str, str]]], bibtex: str, tmp_path: Path
) -> None:
    full = record.model_copy(update={"scale": "paper"})
    paths = render(full, info=info, tables=tables, bibtex=bibtex, folder=tmp_path)
    text = Page(paths["report"].read_text(encoding="utf-8")).text
    assert "Not comparable" not in text
    assert "not the paper's own scale" not in text


def test_how_to_cite_paper_and_software_is_there(rendered: Rendered, bibtex: str) -> None:
    paths, _ = rendered
    source = paths["report"].read_text(encoding="utf-8")
    assert bibtex.strip() in source
    assert "@software{pruneproof," in source


def test_a_variant_has_results_and_no_verdicts(
    variant: Record, info: PaperInfo, tables: dict[str, list[dict[str, str]]], bibtex: str, tmp_path: Path
) -> None:
    paths = render(variant, info=info, tables=tables, bibtex=bibtex, folder=tmp_path)
    page = Page(paths["report"].read_text(encoding="utf-8"))
    assert "no claim is judged" in page.text
    assert "re-run" not in page.ids
    assert 'class="badge' not in paths["report"].read_text(encoding="utf-8")
    assert not (tmp_path / "figures" / "claims.svg").exists()
    assert "mlp-accuracy-caption" in page.ids


def test_rendering_again_gives_the_same_bytes_and_drops_stale_figures(
    record: Record, info: PaperInfo, bibtex: str, tmp_path: Path
) -> None:
    few = record.model_copy(update={"cells": tuple(cell for cell in record.cells if cell.run == "mobilenet")})
    paths = render(few, info=info, tables={}, bibtex=bibtex, folder=tmp_path)
    first = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.*")}
    (paths["figures"] / "gone.svg").write_text("<svg/>")
    render(few, info=info, tables={}, bibtex=bibtex, folder=tmp_path)
    assert {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.*")} == first


def test_the_results_can_be_read_back(rendered: Rendered, record: Record) -> None:
    paths, _ = rendered
    with paths["results"].open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == len(record.cells)
