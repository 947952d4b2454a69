"""Reads a paper folder: its TOML files and printed tables, checked against each other; refusals name the line."""

import csv
import re
from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from pruneproof.errors import BadConfig, NameClash, UnknownName
from pruneproof.papers.check_claims import check_claims
from pruneproof.papers.check_runs import check_runs
from pruneproof.papers.explain import Lines, explain
from pruneproof.papers.grid import expand
from pruneproof.papers.locate import locate
from pruneproof.papers.paper import Paper
from pruneproof.papers.printed import Row
from pruneproof.papers.schema import ClaimsFile, FiguresFile, PaperInfo, RunsFile
from pruneproof.papers.toml_text import parse_toml
from pruneproof.values.digests import digest_bytes, digest_json
from pruneproof.values.opening import read_bytes

File = TypeVar("File", bound=BaseModel)


def load_paper(folder: Path) -> Paper:
    """Read a paper folder and check its files against each other.

    Raises:
        BadConfig: a file is missing, is not valid TOML or CSV, has a wrong type or range, or contradicts another.
        UnknownName: a key, run, method, sparsity, profile, table or column that does not exist.
    """
    info, info_lines = _read(folder / "paper.toml", PaperInfo)
    runs, runs_lines = _read(folder / "runs.toml", RunsFile)
    claims, claims_lines = _read(folder / "claims.toml", ClaimsFile)
    has_figures = (folder / "figures.toml").is_file()
    figures, figures_lines = _read(folder / "figures.toml", FiguresFile) if has_figures else (FiguresFile(), {})
    if not (folder / "citation.bib").is_file():
        raise BadConfig(f"paper folder {folder} has no citation.bib. Add one, so that people can cite the paper.")
    _text(folder / "citation.bib")
    files = sorted([*folder.glob("*.toml"), *folder.glob("tables/*.csv")])
    paper = Paper(
        info=info,
        runs=runs,
        claims=claims,
        figures=figures,
        tables={path.stem: _read_table(path) for path in files if path.suffix == ".csv"},
        folder=folder,
        digest=digest_json({path.relative_to(folder).as_posix(): digest_bytes(_content(path)) for path in files}),
        lines={"paper.toml": info_lines, "runs.toml": runs_lines, "claims.toml": claims_lines}
        | ({"figures.toml": figures_lines} if has_figures else {}),
    )
    check_runs(paper)
    check_claims(paper)
    return paper


def list_papers(folders: Iterable[Path]) -> list[PaperInfo]:
    """Read only the `paper.toml` of each folder."""
    return [_read(folder / "paper.toml", PaperInfo)[0] for folder in folders]


def find_paper(name: str, folders: Iterable[Path]) -> Path:
    """Return the folder of a paper by id or arXiv number; `arXiv:2209.14624v1` is the same as `2209.14624`.

    Raises:
        UnknownName: no folder has it.
        NameClash: several have it.
    """
    papers = [(folder, _read(folder / "paper.toml", PaperInfo)[0]) for folder in folders]
    wanted = re.sub(r"^arxiv:\s*|(?<=\d)v\d+$", "", name.strip().lower())
    found = [folder for folder, info in papers if wanted == info.id or (info.arxiv and wanted == info.arxiv)]
    if len(found) > 1:
        places = " and ".join(str(folder) for folder in found)
        raise NameClash(f'paper "{name}" is in several folders: {places}. Ask by id, or uninstall one of the packages.')
    if found:
        return found[0]
    known = [known for _, info in papers for known in (info.id, info.arxiv) if known]
    raise UnknownName.among("paper", name, known, advice="`repro list` shows them all.")


def _read(path: Path, kind: type[File]) -> tuple[File, Lines]:
    """Parse one TOML file into its class, with the line of each key."""
    text = _text(path)
    try:
        content, lines = expand(parse_toml(text), locate(text), path)
    except ValueError as problem:
        found = re.search(r"line (\d+)", str(problem))
        line = int(found[1]) if found else text.count("\n") + 1
        raise BadConfig(f"{path}, line {line}: not valid TOML: {problem}.") from None
    except RecursionError:
        raise BadConfig(f"{path}: arrays or tables are nested too deeply. Write them flat.") from None
    try:
        return kind.model_validate(content), lines
    except ValidationError as problem:
        explain(problem, path, kind, lines)


def _text(path: Path) -> str:
    """Return a file of a paper folder as text, with one kind of line end."""
    try:
        return _content(path).decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as problem:
        raise BadConfig(f"{path} cannot be read as UTF-8 text: {problem}. Save it as UTF-8.") from None


def _content(path: Path) -> bytes:
    try:
        return read_bytes(path)
    except FileNotFoundError:
        needed = "a paper folder holds paper.toml, runs.toml and claims.toml"
        raise BadConfig(f"{path} does not exist; {needed}. Add it, or correct the folder's name.") from None
    except OSError as problem:
        raise BadConfig(f"{path} cannot be read: {problem.strerror}. Replace it by a text file.") from None


def _read_table(path: Path) -> list[Row]:
    reader = csv.reader(StringIO(_text(path)))
    try:
        columns = next(reader, [])
        if not columns or len(set(columns)) != len(columns) or "" in columns:
            raise BadConfig(f"{path}, line 1: {columns} is no table head; distinct column names were expected.")
        rows: list[Row] = []
        for cells in reader:
            if len(cells) != len(columns):
                found = f"{len(cells)} cells, but the table has {len(columns)} columns: {', '.join(columns)}"
                raise BadConfig(f"{path}, line {reader.line_num}: {found}. Quote cells that contain a comma.")
            rows.append(dict(zip(columns, cells, strict=True)))
        return rows
    except csv.Error as problem:
        raise BadConfig(f"{path}, line {reader.line_num}: not a table of comma-separated values: {problem}.") from None
