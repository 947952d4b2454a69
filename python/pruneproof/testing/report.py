"""`Report`: what the kit found out about one subject, law by law."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

from pruneproof.testing.law import LawBroken

Status = Literal["holds", "broken", "skipped", "expected", "not claimed"]
SIGNS: dict[Status, str] = {"holds": "✓", "broken": "✗", "skipped": "-", "expected": "x"}


@dataclass(frozen=True)
class Finding:
    """One law's outcome, with the reason of a skip or an expected failure, or the message of a failure."""

    law: str
    status: Status
    detail: str = ""


@dataclass(frozen=True)
class Report:
    """All laws of one subject, none left out.

    >>> report = Report("criterion", "mine", (Finding("finite", "holds"), Finding("seed-used", "skipped", "no rng")))
    >>> print(report)
    criterion mine
      ✓ finite
      - seed-used: skipped, no rng
      1 held, 1 skipped
    """

    kind: str
    id: str
    findings: tuple[Finding, ...]

    @property
    def ran(self) -> tuple[str, ...]:
        """The laws that were tried."""
        return tuple(each.law for each in self.findings if each.status in ("holds", "broken", "expected"))

    @property
    def skipped(self) -> dict[str, str]:
        """Law -> why it was not tried, for laws that do not apply; see `not_claimed` for the others."""
        return self._with("skipped")

    @property
    def not_claimed(self) -> tuple[str, ...]:
        """Laws of the vocabulary that the subject does not claim."""
        return tuple(self._with("not claimed"))

    @property
    def expected_failures(self) -> dict[str, str]:
        """Law -> the declared reason, for laws that fail as declared."""
        return self._with("expected")

    @property
    def failures(self) -> dict[str, str]:
        """Law -> message."""
        return self._with("broken")

    def raise_for_failures(self) -> None:
        """Do nothing if no law is broken.

        Raises:
            LawBroken: with the whole report.
        """
        if self.failures:
            raise LawBroken(f"\n{self}", "see the advice under each ✗.")

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        findings = [vars(each) for each in self.findings]
        return {"kind": self.kind, "id": self.id, "conforms": not self.failures, "findings": findings}

    def summary(self) -> str:
        """Return how many laws held, were broken, failed as declared, were skipped and were not claimed."""
        counts = Counter(each.status for each in self.findings)
        words: dict[Status, str] = {
            "holds": "held",
            "broken": "broken",
            "expected": "failed as declared",
            "skipped": "skipped",
            "not claimed": "not claimed",
        }
        return ", ".join(f"{counts[status]} {word}" for status, word in words.items() if counts[status])

    def __str__(self) -> str:
        lines = [f"{self.kind} {self.id}"]
        lines += [line(each) for each in self.findings if each.status != "not claimed"]
        if self.not_claimed:
            lines.append(f"    not claimed: {', '.join(self.not_claimed)}")
        return "\n".join([*lines, f"  {self.summary()}"])

    def _with(self, status: Status) -> dict[str, str]:
        return {each.law: each.detail for each in self.findings if each.status == status}


def line(finding: Finding) -> str:
    """Return a finding as one line, and the message of a failure below it.

    >>> print(line(Finding("finite", "broken", "found: NaN")))
      ✗ finite
          found: NaN
    """
    start = f"  {SIGNS[finding.status]} {finding.law}"
    if finding.status == "broken":
        return "\n".join([start, *(f"      {each}" for each in finding.detail.splitlines())])
    said = {"skipped": f": skipped, {finding.detail}", "expected": f": fails as declared, {finding.detail}"}
    return start + said.get(finding.status, "")
