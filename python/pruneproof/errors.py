"""Every way in which `pruneproof` refuses, one class per cause.

A message says what was being done to which named thing, what was found, what was allowed and what to do next. The class
carries the exit status that `repro` ends with (listed for users in `docs/exit-status.md`).
"""

import difflib
from collections.abc import Iterable
from typing import ClassVar


class PruneproofError(Exception):
    """Base of all refusals; `status` is the exit status of the command line tool."""

    status: ClassVar[int] = 64


class UnknownName(PruneproofError):
    """A paper, profile, criterion, model, key, ... that nobody registered."""

    status = 64

    @classmethod
    def among(cls, kind: str, name: str, known: Iterable[str], *, where: str = "", advice: str = "") -> "UnknownName":
        """Build the message for `name`, a `kind`, with the nearest of the `known` names.

        >>> print(UnknownName.among("criterion", "magnitud", ["magnitude", "snip"], where="runs.toml, line 14"))
        criterion "magnitud" (runs.toml, line 14) is not known. Nearest: "magnitude". Known: magnitude, snip.
        """
        options = sorted(known)
        near = difflib.get_close_matches(name, options, n=3, cutoff=0.5)
        near.sort(key=lambda each: (-difflib.SequenceMatcher(None, each, name).ratio(), abs(len(each) - len(name))))
        nearest = f' Nearest: "{near[0]}".' if near else ""
        at = f" ({where})" if where else ""
        listed = ", ".join(options) if options else "none"
        tail = f" {advice}" if advice else ""
        return cls(f'{kind} "{name}"{at} is not known.{nearest} Known: {listed}.{tail}')


class BadOption(PruneproofError):
    """A command line argument of the wrong form."""

    status = 64


class BadConfig(PruneproofError):
    """A TOML file of a paper with a wrong type, range, key or cross-reference."""

    status = 65


class BadTensor(PruneproofError):
    """Scores, weights or masks of the wrong shape, dtype or content (NaN)."""

    status = 65


class InfeasibleSelection(PruneproofError):
    """No mask can satisfy the count, the floors and the unprunable set together."""

    status = 65


class DataMissing(PruneproofError):
    """A data set that is not on this machine and cannot be fetched."""

    status = 66


class DataCorrupt(PruneproofError):
    """A data file that is truncated, altered or of another format."""

    status = 66


class BadPlugin(PruneproofError):
    """A plugin that raises on import or registers something invalid."""

    status = 69


class NameClash(PruneproofError):
    """Two plugins that register the same id."""

    status = 69


class DeviceMissing(PruneproofError):
    """A device that was asked for and is not there."""

    status = 69


class NumericsMissing(PruneproofError):
    """A numerics class that was asked for and that this machine, device or torch cannot compute in."""

    status = 69


class ExtraMissing(PruneproofError, ImportError):
    """An optional part of `pruneproof` whose dependencies are not installed."""

    status = 69


class MaskBreach(PruneproofError):
    """A pruned weight that was alive after a training step."""

    status = 70


class StageFailed(PruneproofError):
    """A stage whose worker process ended without an answer (killed, out of memory)."""

    status = 70


class StoreUnwritable(PruneproofError):
    """A store that cannot be created or written: permissions, a read-only or a full disk."""

    status = 73


class StoreCorrupt(PruneproofError):
    """A store entry, checkpoint, mask or record whose content is not what was written."""

    status = 74


class RecordMissing(PruneproofError):
    """A record that was asked for and does not exist yet."""

    status = 66
