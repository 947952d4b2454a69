"""Write the index of docs/adr from the decisions, with what supersedes or extends them: `make decisions`."""

import re
from pathlib import Path

FOLDER = Path(__file__).parent / "adr"
HEAD = """# Decisions

One file each: context, decision, consequences. A decision is not rewritten: one that no longer holds, or only in part,
says so in its status line, which names the decision that takes its place, and this index repeats it (`make decisions`).

"""


def index(folder: Path = FOLDER) -> str:
    """Return the index: a line per decision, with its status where that is more than `accepted`."""
    lines = []
    for path in sorted(folder.glob("[0-9]*.md")):
        text = path.read_text(encoding="utf-8")
        title = text.partition("\n")[0].removeprefix("# ")
        found = re.search(r"^Date: .*?\. Status: accepted(?:; (.*))?\.$", text, re.MULTILINE)
        note = f": {found[1]}" if found and found[1] else ""
        lines.append(f"* [{title}]({path.name}){note}\n")
    return HEAD + "".join(lines)


if __name__ == "__main__":
    (FOLDER / "README.md").write_text(index(), encoding="utf-8")
