"""`Paper`: a paper folder, read and checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pruneproof.papers.explain import Lines, line_of
from pruneproof.papers.printed import Row
from pruneproof.papers.schema import ClaimsFile, FiguresFile, PaperInfo, RerunClaim, RunsFile


@dataclass(frozen=True)
class Paper:
    """What a paper folder holds."""

    info: PaperInfo
    runs: RunsFile
    claims: ClaimsFile
    figures: FiguresFile
    tables: Mapping[str, Sequence[Row]]
    """Table id (file name without `.csv`) -> rows as printed."""
    folder: Path
    digest: str
    """Over the bytes of the folder's TOML and CSV files."""
    lines: Mapping[str, Lines]
    """File name -> key path -> line."""

    def required(self, claim: RerunClaim, profile: str) -> tuple[str, ...]:
        """Return the claims that must hold for a claim to be judged at a profile: its own, then those of its runs.

        A run's preconditions do not require each other.
        """
        runs = self.runs.runs(profile)
        of_runs = [runs[each.run].preconditions for each in claim.evidence[profile].operands]
        theirs = [name for names in of_runs if claim.id not in names for name in names]
        return tuple(dict.fromkeys([*claim.requires, *theirs]))

    def line(self, file: str, *path: str | int) -> str:
        """Return `runs.toml, line 14` for a key path, or for the nearest table around it that the file spells out."""
        return f"{file}, line {line_of(self.lines.get(file, {}), path)}"

    def where(self, file: str, *path: str | int) -> str:
        """Return the same with the whole path of the file."""
        return f"{self.folder / file}, line {line_of(self.lines.get(file, {}), path)}"

    def below(self, file: str, *path: str | int) -> str:
        """Return the same with the paper's folder: `global-mp/runs.toml, line 14`."""
        return f"{self.folder.name}/{self.line(file, *path)}"
