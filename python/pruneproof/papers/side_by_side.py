"""Several records of one paper and profile side by side: which verdicts agree, and which are contested."""

from collections.abc import Sequence
from dataclasses import dataclass

from pruneproof.errors import BadOption
from pruneproof.papers.record import ClaimRecord, Record


@dataclass(frozen=True)
class Row:
    """A claim as each of the records has it; None where a record lacks it."""

    id: str
    claims: tuple[ClaimRecord | None, ...]

    @property
    def verdicts(self) -> tuple[str, ...]:
        """The verdict of each record; `not-run` where it lacks the claim."""
        return tuple("not-run" if claim is None else claim.verdict for claim in self.claims)

    @property
    def contested(self) -> bool:
        """Whether records that judged the claim came to different verdicts."""
        return len({*self.verdicts} - {"not-run"}) > 1

    @property
    def judged(self) -> int:
        """How many of the records judged it."""
        return sum(verdict != "not-run" for verdict in self.verdicts)


def side_by_side(records: Sequence[Record]) -> list[Row]:
    """Return a row for every claim that a record has, in the order of the first record that has it.

    Raises:
        BadOption: fewer than two records, or records of different papers or profiles.
    """
    if len(records) < 2:
        raise BadOption(f"{len(records)} record is too few to compare. Give two or more.")
    names = [f"{record.paper} at {record.profile}" for record in records]
    if len(set(names)) > 1:
        raise BadOption(
            f"records of {', '.join(dict.fromkeys(names))} say different things. Give records of one profile."
        )
    ids = dict.fromkeys(claim.id for record in records for claim in record.claims)
    by_id = [{claim.id: claim for claim in record.claims} for record in records]
    return [Row(name, tuple(each.get(name) for each in by_id)) for name in ids]
