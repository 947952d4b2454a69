"""Write the tables of claims in README.md anew from the committed records: `make readme`.

A table stands between `<!-- claims: FOLDER PROFILE -->` and `<!-- end of claims -->`; it shows the newest record of
that profile there.
"""

import re
from pathlib import Path

from pruneproof.papers.record import Record
from pruneproof.registry.catalog import build_catalog
from pruneproof.report.summary import claims_table
from pruneproof.report.table import completed

ROOT = Path(__file__).parent.parent
TABLE = re.compile(
    r"(?P<begin><!-- claims: (?P<folder>\S+) (?P<profile>\S+) -->\n).*?(?P<end><!-- end of claims -->)", re.DOTALL
)


def newest(folder: Path, profile: str) -> Record:
    """Return the record of the profile that was made last."""
    return max((Record.load(path) for path in folder.glob(f"{profile}-*.json")), key=lambda record: record.created)


def updated(text: str) -> str:
    """Return the README's text with each table made from its record."""
    catalog = build_catalog(["builtin"])

    def anew(match: re.Match[str]) -> str:
        record = completed(newest(ROOT / match["folder"], match["profile"]), catalog)
        table = claims_table(record).strip()
        return f"{match['begin']}{table}\n{match['end']}"

    return TABLE.sub(anew, text)


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(updated(readme.read_text(encoding="utf-8")), encoding="utf-8")
