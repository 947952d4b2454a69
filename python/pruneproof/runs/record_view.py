"""`RecordView`: a record as people read it, and `load_record`, which finds one."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from pruneproof.errors import UnknownName
from pruneproof.papers.committed import committed_record
from pruneproof.papers.findings import matches
from pruneproof.papers.installed import open_paper
from pruneproof.papers.paper import Paper
from pruneproof.papers.record import Record
from pruneproof.report.notebook import record_html
from pruneproof.report.rows import Rows, cell_rows, claim_rows, finding_rows, measurement_rows
from pruneproof.report.wording import counts_sentence


class RecordView:
    """The outcome of a run: what was measured and judged, as rows that `pandas.DataFrame` takes.

    A notebook shows the paper's questions with their answers.
    """

    def __init__(self, record: Record, paper: Paper | None = None, files: Mapping[str, Path] | None = None) -> None:
        self.record = record
        """Everything that the file holds, as `papers/record.py` declares it."""
        self.files = dict(files or {})
        """name -> path of what the run wrote; empty for a record that was loaded."""
        self._paper = paper

    @cached_property
    def paper(self) -> Paper | None:
        """The paper's files; None where no plugin that is installed brings it."""
        try:
            return self._paper or open_paper(self.record.paper)
        except UnknownName:
            return None

    @property
    def verdicts(self) -> dict[str, str]:
        """Claim -> verdict."""
        return {claim.id: str(claim.verdict) for claim in self.record.claims}

    def findings(self) -> Rows:
        """Return a row per question that the paper raises, with the answer that the verdicts give."""
        return finding_rows(self.paper, self.record) if self.paper else Rows()

    def claims(self, *patterns: str) -> Rows:
        """Return a row per claim: verdict, value, interval, reason; only those whose ids fit `patterns`, if any.

        Patterns are those of file names: `view.claims("r2-*")`.
        """
        chosen = [claim for claim in self.record.claims if not patterns or matches(claim.id, patterns)]
        return claim_rows(self.record, chosen)

    def cells(self) -> Rows:
        """Return a row per network: run, method, sparsity, seed, settings, and each metric that is one number."""
        return cell_rows(self.record)

    def measurements(self) -> Rows:
        """Return a row per network, step and number that was measured, those per tensor or epoch included."""
        return measurement_rows(self.record)

    def __repr__(self) -> str:
        record = self.record
        what = counts_sentence(record) if record.claims else f"a variant, {len(record.cells)} networks"
        return f"<{record.paper} at {record.profile}, {len(record.seeds)} seeds: {what}>"

    def _repr_html_(self) -> str:
        return record_html(self.record, self.findings())


def load_record(source: str | Path, profile: str | None = None) -> RecordView:
    """Open a record: a file, the folder of a run's report, or the one that a paper is published with.

    >>> load_record("2209.14624", "mini").record.paper
    'global-mp'

    Args:
        source: path of a `record.json` or of a folder that holds one; or a paper's id or arXiv number.
        profile: of a paper, which of its records; the newest of the largest scale where it is None.

    Raises:
        UnknownName: no such file, and no such paper either.
        RecordMissing: the folder or the paper has no record.
        StoreCorrupt: the file is not a record.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        return RecordView(Record.load(path / "record.json"))
    if path.exists() or path.suffix == ".json" or isinstance(source, Path):
        return RecordView(Record.load(path))
    paper = open_paper(source)
    return RecordView(committed_record(paper.folder, profile), paper)
