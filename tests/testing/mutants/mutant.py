"""What a mutant is, and how one of each kind is listed by a decorator."""

from dataclasses import dataclass
from typing import Any

from pruneproof.api import Allocation, CountingRule, Criterion, Floor, Schedule, Source, Structure
from pruneproof.errors import BadConfig

SOURCE = Source("A. Saboteur", 2026, "Wrong in one way")


@dataclass(frozen=True)
class Mutant:
    """A wrong subject, the law that must catch it, and a word that the message must hold."""

    law: str
    subject: Any
    says: str

    @property
    def id(self) -> str:
        name = self.subject.id if hasattr(self.subject, "id") else self.subject.__name__
        return f"{name.replace('_', '-')}-by-{self.law}"


MUTANTS: list[Mutant] = []


def id_of(function):
    return function.__name__.replace("_", "-")


def criterion(law, says, *claims):
    def add(score):
        MUTANTS.append(Mutant(law, Criterion(id_of(score), score, SOURCE, laws=frozenset(claims)), says))
        return score

    return add


def schedule(law, says):
    def add(sparsities):
        def checked(target, steps):
            if not 0 <= target < 1 or steps < 1:
                raise BadConfig("out of range")
            return sparsities(target, steps)

        MUTANTS.append(Mutant(law, Schedule(id_of(sparsities), checked, SOURCE), says))
        return sparsities

    return add


def allocation(law, says):
    def add(counts):
        MUTANTS.append(Mutant(law, Allocation(id_of(counts), counts, SOURCE), says))
        return counts

    return add


def structure(law, says, **passport):
    def add(units):
        MUTANTS.append(Mutant(law, Structure(id_of(units), units, SOURCE, "wrong", **passport), says))
        return units

    return add


def floor(law, says, **passport):
    def add(least):
        MUTANTS.append(Mutant(law, Floor(id_of(least), least, SOURCE, "wrong", **passport), says))
        return least

    return add


def counting(law, says):
    def add(keep):
        MUTANTS.append(Mutant(law, CountingRule(id_of(keep), keep, SOURCE, "wrong"), says))
        return keep

    return add


def selection(law, says):
    def add(select):
        MUTANTS.append(Mutant(law, select, says))
        return select

    return add


TURNS = []


def turning(_):
    """Return 1 at every other call."""
    TURNS.append(1)
    return len(TURNS) % 2
