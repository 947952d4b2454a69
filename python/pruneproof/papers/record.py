"""`Record`: everything that a run of a paper did and found, as one JSON file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, model_validator

from pruneproof.contracts.choice import Frozen, Id
from pruneproof.contracts.claims import ValueScale, Verdict
from pruneproof.contracts.metric import is_answer
from pruneproof.errors import RecordMissing, StoreCorrupt
from pruneproof.papers.record_text import record_text, upgraded
from pruneproof.values.files import replacing
from pruneproof.values.measurements import LARGEST_INTEGER
from pruneproof.values.opening import read_json

VERDICTS: Mapping[Verdict, str] = {
    "holds": "hold",
    "fails": "fail",
    "absent": "absent",
    "inconclusive": "inconclusive",
    "not-run": "not run",
}
"""Verdicts, and the words that count them, in the order in which counts are told."""


def told(counts: Mapping[str, int]) -> str:
    """Return verdict -> count in words; empty where all counts are 0.

    >>> told({"inconclusive": 1, "holds": 3, "fails": 0})
    '3 hold, 1 inconclusive'
    """
    return ", ".join(f"{counts[verdict]} {words}" for verdict, words in VERDICTS.items() if counts.get(verdict))


def kept(digest: str) -> str:
    """Return a digest as records keep it: its first 128 bits, enough to compare by and half of the text."""
    return digest[:32]


Count = Annotated[int, Field(ge=0, le=LARGEST_INTEGER)]
Digest = Annotated[str, AfterValidator(kept)]
"""A digest as records keep it."""


class StageRecord(Frozen):
    """A stage that the run needed: its digest, what it is, and digests of what it made."""

    digest: Digest
    kind: str
    label: str
    outputs: dict[str, Digest]
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Cell(Frozen):
    """One network of one seed: run, method and sparsity, the stages behind it and what was measured on the way."""

    run: Id
    method: Id
    sparsity: float
    seed: Count
    stages: tuple[Digest, ...]
    """In the order of the method's steps."""
    measured: dict[str, dict[str, Any]]
    """Name of a step that measures -> metric -> value."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """What the method chose: criterion and its options, scope, schedule, iterations; empty for the dense network."""


class MetricRecord(Frozen):
    """What a metric of the record is, for reports."""

    unit: str = ""
    per: str = "network"
    better: Literal["larger", "smaller"] | None = None
    about: str = ""


class FactRecord(Frozen):
    """One exact statement of a mechanism or of a printed comparison."""

    statement: str
    expected: str
    found: str
    holds: bool


class ClaimRecord(Frozen):
    """A claim with its verdict and the evidence."""

    id: str
    kind: str
    """A kind of claim, see `papers/claims.py`."""
    text: str
    where: str
    strength: str
    reported: str
    unit: str
    test: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    """What the test was given, margins and levels included; defaults that a claim leaves out are the test's."""
    verdict: Verdict
    reason: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    level: float | None = None
    n: Count = 0
    seeds_needed: Count | None = None
    p: float | None = None
    """One-sided error rate at which the verdict or its opposite would just be reached."""
    bounds: tuple[float, ...] = ()
    """What `value` was judged against, same unit; zero is left out."""
    scale: ValueScale = ValueScale()
    """What `value` is."""
    headline: bool = False
    """Whether the paper's files name it among the few that it is about."""
    corrected: Verdict | None = None
    """Of a headline claim that was tested: the verdict after correction for the number of these."""
    post_hoc: bool = False
    """Whether some of its measurements existed when it was first run as it stands."""
    looks: tuple[tuple[int, ...], ...] = ()
    """The sets of seeds on which it was judged before in the same store, in order."""
    spent: float = 0.0
    """The error rate that these looks have used up."""
    facts: tuple[FactRecord, ...] = ()
    operands: tuple[str, ...] = ()
    note: str = ""

    @property
    def left(self) -> float | None:
        """The error rate that earlier looks have left, at which it was judged; None where there were none."""
        level = self.parameters.get("level")
        return round(1 - level, 9) if self.looks and isinstance(level, int | float) else None

    @property
    def after_correction(self) -> Verdict:
        """The verdict that stands: of a headline claim the corrected one."""
        return self.corrected or self.verdict


def _says_its_device(environment: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(environment.get("device"), str):
        raise ValueError("it does not say on which device the run was made")
    versions = environment.get("versions", {})
    if not isinstance(versions, dict) or not all(isinstance(each, str) for each in versions.values()):
        raise ValueError("its versions of libraries are no texts by name")
    return environment


Role = Literal["paper", "added", "tool"]
"""Why a plugin was loaded: the paper names it, the user added it, or it only runs stages or observes."""


class PluginRecord(Frozen):
    """A plugin that the run loaded."""

    name: str
    distribution: str
    version: str
    origin: str = ""
    """What the entry point names, or the path of the file; empty in records of before."""
    digest: str = ""
    """Over its Python sources."""
    role: Role = "paper"

    @property
    def is_file(self) -> bool:
        """Whether it is a single file rather than installed."""
        return self.origin.endswith(".py")


Environment = Annotated[dict[str, Any], AfterValidator(_says_its_device)]


class Record(Frozen):
    """The outcome of `repro run`; `variant` lists overrides, which take the verdicts away, as added plugins do."""

    format: Literal["pruneproof-record/2"] = "pruneproof-record/2"
    paper: Id
    arxiv: str
    title: str
    profile: Id
    scale: Literal["small", "reduced", "paper"]
    variant: tuple[str, ...] = ()
    twins: tuple[str, ...] = ()
    """Suffixes of the twins that a variant runs: `global-snip` is the twin of `global`."""
    only: tuple[str, ...] = ()
    seeds: tuple[Count, ...]
    """All that were run."""
    seeds_asked: tuple[Count, ...] = ()
    """Those of `--seeds`; empty where the profile and its runs name them."""
    plan: str
    """Digest over the digests of all stages."""
    registration: Digest = ""
    """Digest over what decides the claims over seeds that were fixed in time: tests, parameters, operands, seeds; empty
    for a variant."""
    registered: str = ""
    """When the last of these claims was written into the store."""
    created: str
    seconds: float
    environment: Environment
    numerics: str = "native"
    """The numerics class of its stages."""
    data: dict[str, str]
    """Data set -> fingerprint."""
    plugins: tuple[PluginRecord, ...]
    metrics: dict[str, MetricRecord] = Field(default_factory=dict)
    stages: tuple[StageRecord, ...] = Field(repr=False)
    cells: tuple[Cell, ...] = Field(repr=False)
    claims: tuple[ClaimRecord, ...] = Field(repr=False)

    @model_validator(mode="after")
    def _measures_what_its_metrics_are(self) -> "Record":
        for cell in self.cells:
            for at, values in cell.measured.items():
                for name, value in values.items():
                    known = self.metrics.get(name)
                    kinds = ("network", "tensor", "unit") if known is None else (known.per,)
                    has_unit = known is not None and known.unit != ""
                    if not any(is_answer(value, per, has_unit=has_unit) for per in kinds):
                        where = f"{cell.run}/{cell.method}, seed {cell.seed}, {at}"
                        raise ValueError(f'{where}: "{name}" is {value!r:.60}, which is no value of that metric')
        return self

    @property
    def is_variant(self) -> bool:
        """Whether anything differs from what the paper's files say, so that no claim is judged."""
        return bool(self.variant) or any(plugin.role == "added" for plugin in self.plugins)

    def save(self, path: Path) -> None:
        """Write the record as JSON, atomically: one line per stage, cell and claim."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as draft:
            draft.write_text(record_text(self.model_dump(mode="json", exclude_defaults=True)), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Record":
        """Read a record, also one of the format before.

        Raises:
            RecordMissing: there is no such file.
            StoreCorrupt: it is not a record of this format.
        """
        try:
            return cls.model_validate(upgraded(read_json(path)))
        except FileNotFoundError as problem:
            raise RecordMissing(f"there is no record at {path}. Make one with: repro run PAPER") from problem
        except (ValidationError, ValueError, OSError, RecursionError, AttributeError, TypeError) as problem:
            first = problem.errors()[0] if isinstance(problem, ValidationError) else {"loc": (), "msg": str(problem)}
            at = ".".join(str(part) for part in first["loc"])
            raise StoreCorrupt(
                f"record {path} cannot be read: {at} {first['msg']}. Run the paper again to make it anew."
            ) from problem
