"""The three files of a paper folder as frozen, fully typed values.

Every default is written here once and appears in the resolved plan; nothing implicit reaches a digest. Unknown keys are
refused. `papers/load.py` reads the files and turns what pydantic finds into one message with file and line.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from pruneproof.contracts.choice import Choice, Chosen, Frozen, Id
from pruneproof.contracts.recipe import Recipe
from pruneproof.contracts.selection import Selection
from pruneproof.errors import UnknownName

ProfileName = Literal["mini", "cpu", "lite", "full"]
Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]


class Upstream(Frozen):
    """The authors' own code."""

    url: str
    commit: str
    license: str
    note: str = ""


class PaperInfo(Frozen):
    """`paper.toml`: who wrote what, where, and what a reader must know before reading a verdict."""

    id: Id
    arxiv: str
    title: str
    authors: tuple[str, ...]
    year: int
    about: str
    plugins: tuple[str, ...] = ("builtin",)
    """The only plugins that this paper loads."""
    versions: str = ""
    """Which version of the text the claims and tables were read from, and how sure that is."""
    upstream: tuple[Upstream, ...] = ()
    equations: dict[str, str] = Field(default_factory=dict)
    caveats: tuple[str, ...] = ()


class Profile(Frozen):
    """How large the experiments are; the same claims are tested at each profile."""

    about: str
    scale: Literal["small", "reduced", "paper"]
    """`paper` only where architecture, data and epochs are the paper's own."""
    seeds: tuple[int, ...]
    hardware: str
    minutes: float | None = None
    """Estimated wall time on that hardware; None where nobody has measured or can estimate it."""


class During(Frozen):
    """Pruning while training: at the start of each epoch from `start` to `end`, counted from 0, both included."""

    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end < self.start:
            raise ValueError(f"end {self.end} lies before start {self.start}")
        return self


class Arm(Frozen):
    """One method at some sparsities: everything that decides which weights go, and how the rest is retrained."""

    method: Id
    """The label by which claims and reports know this arm; several arms of one run may share it at different
    sparsities."""
    about: str = ""
    criterion: Chosen = Choice(id="magnitude")
    select: Selection = Selection()
    schedule: Chosen = Choice(id="one-shot")
    steps: Annotated[int, Field(ge=1)] = 1
    start: Literal["dense", "init"] = "dense"
    """Prune the trained dense network, or the network at initialisation."""
    between: Literal["score", "retrain"] = "score"
    """What happens between two steps: scoring again, or the whole retraining."""
    rewind: Literal["no", "init", "early"] = "no"
    """Before retraining, reset the surviving weights to initialisation or to the dense network after
    `rewind_epochs`."""
    rewind_epochs: Annotated[int, Field(ge=1)] | None = None
    during: During | None = None
    """Prune while training from `start`; `retrain` is then the whole training."""
    samples: Annotated[int, Field(ge=1)] = 1000
    """Training samples on which a criterion that needs data is scored."""
    resample: bool = True
    """Whether each pruning step draws its own scoring samples; otherwise all steps use those of the first."""
    sparsities: tuple[Fraction, ...] = ()
    """Targets, cumulative over the prunable weights; empty takes the run's."""
    retrain: dict[str, Any] = Field(default_factory=dict)
    """What differs from the run's `retrain` recipe."""

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if (self.rewind == "early") != (self.rewind_epochs is not None):
            raise ValueError('rewind_epochs belongs to rewind = "early"')
        if self.during is not None and (self.steps != 1 or self.between != "score" or self.rewind != "no"):
            raise ValueError("during excludes steps, between and rewind: its steps are its epochs")
        return self


class Run(Frozen):
    """A named experiment: one model on one data set, its dense training, and the methods compared on it."""

    about: str
    model: Chosen
    data: Id
    dense: Recipe | None = None
    """Training of the dense network that all arms share; None where every arm starts at initialisation."""
    retrain: Recipe | None = None
    sparsities: tuple[Fraction, ...] = ()
    seeds: tuple[int, ...] = ()
    """Replaces the profile's."""
    losses: bool = False
    """Whether every arm also measures the loss of the whole training set: before and after pruning, and at the end."""
    arms: tuple[Arm, ...] = ()


class RunsFile(Frozen):
    """`runs.toml`."""

    profiles: dict[ProfileName, Profile]
    mini: dict[Id, Run] = Field(default_factory=dict)
    cpu: dict[Id, Run] = Field(default_factory=dict)
    lite: dict[Id, Run] = Field(default_factory=dict)
    full: dict[Id, Run] = Field(default_factory=dict)

    def profile(self, name: str) -> Profile:
        """Return a profile by name.

        Raises:
            UnknownName: this paper has no such profile.
        """
        known: dict[str, Profile] = {str(key): value for key, value in self.profiles.items()}
        if name not in known:
            raise UnknownName.among("profile", name, known)
        return known[name]

    def runs(self, profile: str) -> dict[str, Run]:
        """Return the runs of one profile by id."""
        found: dict[str, Run] = getattr(self, profile)
        return found


class Operand(Frozen):
    """Which measurements of a profile feed a claim: one per seed. `method = "dense"` is the unpruned network."""

    run: Id
    method: Id
    sparsity: Fraction = 0.0
    metric: Literal[
        "accuracy",
        "accuracy_before",
        "loss",
        "loss_change",
        "loss_gap",
        "error_gap_before",
        "error_gap",
        "macs_pruned",
        "constant_output",
        "empty_tensors",
        "densities",
    ] = "accuracy"
    """`densities` stands for one sample per prunable tensor."""


class Evidence(Frozen):
    """What a re-run claim reads at one profile; `parameters` replaces the test's."""

    operands: tuple[Operand, ...]
    parameters: dict[str, Any] = Field(default_factory=dict)
    note: str = ""
    """How this analogue differs from what the paper did."""


class Quantity(Frozen):
    """A number out of a printed table: rows filtered by columns, one column, one reduction."""

    table: Id
    column: str
    where: dict[str, str | float | list[str | float]] = Field(default_factory=dict)
    """Column -> value, or list of allowed values."""
    but_not: dict[str, str | float | list[str | float]] = Field(default_factory=dict)
    at_least: dict[str, float] = Field(default_factory=dict)
    at_most: dict[str, float] = Field(default_factory=dict)
    reduce: Literal["only", "max", "min", "mean", "count"] = "only"
    """`only`: exactly one row must be left."""


class Comparison(Frozen):
    """`left relation right + plus`, where a side is a table quantity or a number."""

    left: Quantity | float
    relation: Literal[">", ">=", "<", "<=", "=="]
    right: Quantity | float
    plus: float = 0.0
    note: str = ""


class ClaimBase(Frozen):
    """What all claims have."""

    id: Id
    text: str
    """The claim in our own words."""
    where: str
    """Section, table or figure; `not in the paper` for controls that the paper does not run."""
    strength: Literal["stated", "implied", "control", "unverified"]
    reported: str = ""
    """The paper's number, as printed, with its unit; empty where it gives none."""
    unit: str = "points"


class PrintedClaim(ClaimBase):
    """The paper's text against its own tables."""

    kind: Literal["printed"]
    compare: tuple[Comparison, ...] = Field(min_length=1)


class MechanismClaim(ClaimBase):
    """An exact fact about networks and masks, checked in seconds."""

    kind: Literal["mechanism"]
    check: Chosen


class RerunClaim(ClaimBase):
    """A statistical statement about trained networks, tested over seeds."""

    kind: Literal["re-run"]
    test: Chosen
    why: str
    """Why this test, margin and tolerance."""
    evidence: dict[ProfileName, Evidence] = Field(default_factory=dict)


Claim = Annotated[PrintedClaim | MechanismClaim | RerunClaim, Field(discriminator="kind")]


class ClaimsFile(Frozen):
    """`claims.toml`."""

    claim: tuple[Claim, ...] = Field(min_length=1)
