"""Write the lists of laws in docs/conformance.md anew from the laws themselves: `make conformance`.

A list stands between `<!-- laws: KIND -->` and `<!-- end of laws -->`.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from pruneproof.contracts import laws as vocabulary
from pruneproof.testing import (
    allocation_laws,
    claimable_laws,
    counting_laws,
    criterion_laws,
    floor_laws,
    lr_schedule_laws,
    metric_laws,
    model_laws,
    regularizer_laws,
    schedule_laws,
    search_laws,
    selection_laws,
    structure_laws,
    transform_laws,
    update_laws,
)
from pruneproof.testing.law import Law

PAGE = Path(__file__).parent / "conformance.md"
LISTS = {
    "criterion": (vocabulary.CRITERION_LAWS, criterion_laws.LAWS),
    "claimable": (vocabulary.CLAIMABLE_LAWS, claimable_laws.LAWS),
    "schedule": (vocabulary.SCHEDULE_LAWS, schedule_laws.LAWS),
    "allocation": (vocabulary.ALLOCATION_LAWS, allocation_laws.LAWS),
    "structure": (vocabulary.STRUCTURE_LAWS, structure_laws.LAWS),
    "floor": (vocabulary.FLOOR_LAWS, floor_laws.LAWS),
    "counting_rule": (vocabulary.COUNTING_LAWS, counting_laws.LAWS),
    "update": (vocabulary.UPDATE_LAWS, update_laws.LAWS),
    "claimable_update": (vocabulary.CLAIMABLE_UPDATE_LAWS, update_laws.CLAIMABLE),
    "search": (vocabulary.SEARCH_LAWS, search_laws.LAWS),
    "transform": (vocabulary.TRANSFORM_LAWS, transform_laws.LAWS),
    "regularizer": (vocabulary.REGULARIZER_LAWS, regularizer_laws.LAWS),
    "lr_schedule": (vocabulary.LR_SCHEDULE_LAWS, lr_schedule_laws.LAWS),
    "model": (vocabulary.MODEL_LAWS, model_laws.LAWS),
    "metric": (vocabulary.METRIC_LAWS, metric_laws.LAWS),
    "selection": (vocabulary.SELECTION_LAWS, selection_laws.LAWS),
}
LIST = re.compile(r"(<!-- laws: (?P<kind>\w+) -->\n).*?(<!-- end of laws -->)", re.DOTALL)


def listed(meanings: dict[str, str], laws: Iterable[Law]) -> str:
    """Return one entry per law: its meaning in words, then its statement."""
    entries = []
    for law in laws:
        statement = " ".join(law.statement.split()).replace("*", "\\*").replace("_", "\\_")
        entries.append(f"* **`{law.id}`**: {meanings[law.id]}.\\\n  {statement}")
    return "\n".join(entries)


def updated(text: str) -> str:
    """Return the page's text with each list made from its laws."""

    def anew(match: re.Match[str]) -> str:
        return f"{match[1]}\n{listed(*LISTS[match['kind']])}\n\n{match[3]}"

    return LIST.sub(anew, text)


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
