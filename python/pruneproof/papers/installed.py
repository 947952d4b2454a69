"""`open_paper`: a paper that an installed plugin brings, by name."""

from collections.abc import Sequence
from pathlib import Path

from pruneproof.papers.load import find_paper, load_paper
from pruneproof.papers.paper import Paper
from pruneproof.registry.catalog import survey


def open_paper(name: str, files: Sequence[Path] = ()) -> Paper:
    """Load a paper by id or arXiv number from the folders that installed plugins and the given files bring."""
    return load_paper(find_paper(name, survey(of=(), files=files).paper_folders))
