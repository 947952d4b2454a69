"""Write the tables of claims in README.md anew from the committed records: `make readme`.

A table stands between `<!-- claims: FOLDER -->` and `<!-- end of claims -->`; it shows the newest `mini` record there.
"""

import re
from pathlib import Path

from pruneproof.papers.record import Record
from pruneproof.report.summary import claims_table

ROOT = Path(__file__).parent.parent
TABLE = re.compile(r"(<!-- claims: (?P<folder>\S+) -->\n).*?(<!-- end of claims -->)", re.DOTALL)


def newest(folder: Path) -> Record:
    """Return the `mini` record that was made last."""
    return max((Record.load(path) for path in folder.glob("mini-*.json")), key=lambda record: record.created)


def updated(text: str) -> str:
    """Return the README's text with each table made from its record."""

    def anew(match: re.Match[str]) -> str:
        return f"{match[1]}{claims_table(newest(ROOT / match['folder'])).strip()}\n{match[3]}"

    return TABLE.sub(anew, text)


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(updated(readme.read_text(encoding="utf-8")), encoding="utf-8")
