"""Write the tables of claims in README.md anew from the committed records: `make readme`.

A table stands between `<!-- claims: FOLDER PROFILE -->` and `<!-- end of claims -->`; it shows the newest record of
that profile there, and beside it those of the same plan from other machines.
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


def records_of(folder: Path, profile: str) -> list[Record]:
    """Return the record of the profile that was made last, then the others of its plan."""
    found = sorted((Record.load(path) for path in folder.glob(f"{profile}-*.json")), key=lambda record: record.created)
    return [record for record in reversed(found) if record.plan == found[-1].plan]


def updated(text: str) -> str:
    """Return the README's text with each table made from its records."""
    catalog = build_catalog(["builtin"])

    def anew(match: re.Match[str]) -> str:
        record, *others = [completed(each, catalog) for each in records_of(ROOT / match["folder"], match["profile"])]
        table = claims_table(record, others).strip()
        return f"{match['begin']}{table}\n{match['end']}"

    return TABLE.sub(anew, text)


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(updated(readme.read_text(encoding="utf-8")), encoding="utf-8")
