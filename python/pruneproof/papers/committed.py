"""The records that a paper's folder holds: what was run and published with it."""

from pathlib import Path

from pruneproof.errors import RecordMissing
from pruneproof.papers.record import Record

SCALES = ("paper", "reduced", "small")
"""The largest first."""


def committed_records(folder: Path) -> dict[str, list[Record]]:
    """Return profile -> its newest record, then the others of that plan; the profile of the largest scale first.

    Raises:
        StoreCorrupt: a file of `records/` is not a record.
    """
    every = [Record.load(path) for path in sorted((folder / "records").glob("*.json"))]
    every.sort(key=lambda record: record.created, reverse=True)
    every.sort(key=lambda record: SCALES.index(record.scale))
    found: dict[str, list[Record]] = {}
    for record in every:
        of_profile = found.setdefault(record.profile, [])
        if not of_profile or of_profile[0].plan == record.plan:
            of_profile.append(record)
    return found


def committed_record(folder: Path, profile: str | None = None) -> Record:
    """Return the newest record of a profile; of the largest scale where none is named.

    Raises:
        RecordMissing: the folder holds none.
        StoreCorrupt: a file of `records/` is not a record.
    """
    found = committed_records(folder)
    if profile is None and found:
        profile = next(iter(found))
    if profile not in found:
        of_profile = f' of the profile "{profile}"' if profile else ""
        known = f"; there are some of {', '.join(found)}" if found else ""
        raise RecordMissing(
            f"the paper {folder.name} comes with no record{of_profile}{known}. Make one with: repro run {folder.name}"
        )
    return found[profile][0]
