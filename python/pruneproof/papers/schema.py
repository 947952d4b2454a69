"""The TOML files of a paper folder as frozen, fully typed values.

Every default is written here once and appears in the resolved plan; nothing implicit reaches a digest. Unknown keys are
refused. `papers/load.py` reads the files and turns what pydantic finds into one message with file and line.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from pruneproof.contracts.choice import Choice, Chosen, Frozen, Id
from pruneproof.contracts.numerics import NumericsId
from pruneproof.contracts.recipe import Recipe
from pruneproof.contracts.selection import Selection
from pruneproof.errors import UnknownName
from pruneproof.papers.steps import AnyStep, Fraction, Rounds, Sample, Watch, chosen_with
from pruneproof.values.measurements import LARGEST_INTEGER


def _different(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(seeds)) != len(seeds):
        raise ValueError("a seed stands twice")
    return seeds


Seeds = Annotated[tuple[Annotated[int, Field(ge=0, le=LARGEST_INTEGER)], ...], AfterValidator(_different)]


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
    seeds: Seeds
    hardware: str
    minutes: float | None = None
    """Estimated wall time on that hardware; None where nobody has measured or can estimate it."""
    numerics: NumericsId = "native"
    """The class of floating point on CPUs; with another than `native` other processors arrive at the same bits."""


class Method(Frozen):
    """One method at some sparsities: an ordered list of steps, or the short form of the usual one.

    The short form says what prunes (`criterion`, `select`, ...) and means: train by the recipe `dense`, prune, train by
    the recipe `retrain`, and measure what the run's `measure` names. Without a recipe `dense` it prunes at
    initialisation.
    """

    method: Id
    """The label by which claims and reports know it; several tables of one run may share it at different sparsities."""
    about: str = ""
    sparsities: tuple[Fraction, ...] = ()
    """Targets, cumulative over the prunable weights; empty takes the run's."""
    criterion: Chosen = Choice(id="magnitude")
    select: Selection = Selection()
    sample: Sample = Sample()
    schedule: Chosen = Choice(id="one-shot")
    iterations: Rounds = 1
    """Pruning iterations, scored anew at each, without training between them."""
    retrain: dict[str, Any] = Field(default_factory=dict)
    """What differs from the run's recipe `retrain`."""
    steps: tuple[AnyStep, ...] = ()
    """Replaces the short form."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        fields = type(self).model_fields
        short = {name for name in SHORT if getattr(self, name) != fields[name].get_default(call_default_factory=True)}
        if self.steps and short:
            raise ValueError(
                f"steps say everything, and {', '.join(sorted(short))} are of the short form; leave these out"
            )
        return self


SHORT = frozenset({"criterion", "select", "sample", "schedule", "iterations", "retrain"})
"""Keys of a method's short form."""


class Run(Frozen):
    """A named experiment: one model on one data set, its recipes, and the methods compared on it."""

    about: str
    model: Chosen
    data: Id
    recipe: dict[Id, Recipe] = Field(default_factory=dict)
    """Recipe by name. `dense` makes the method `dense`, the unpruned network, and with `retrain` serves the short
    form."""
    measure: dict[Id, Annotated[tuple[Chosen, ...], Field(min_length=1)]] = Field(
        default_factory=lambda: {
            "dense": (Choice(id="accuracy"),),
            "end": (Choice(id="accuracy"), Choice(id="densities")),
        }
    )
    """Name of a step that measures -> its metrics: the short form measures on the `dense` network, right after pruning
    (`pruned`) and at the `end`; other steps may name their metrics here too."""
    watch: tuple[Annotated[Watch, chosen_with("every", "reduce")], ...] = ()
    """What is recorded while networks train, where a step names nothing else."""
    sparsities: tuple[Fraction, ...] = ()
    seeds: Seeds = ()
    """Replaces the profile's."""
    preconditions: tuple[Id, ...] = ()
    """Claims that must hold for any other re-run claim to be judged on this run: what makes it an experiment at all,
    such as a dense network that has learned."""
    methods: tuple[Method, ...] = ()


class RunsFile(BaseModel):
    """`runs.toml`: the profiles, and a table of runs for each, under the profile's name."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)
    __pydantic_extra__: dict[str, dict[Id, Run]]

    profiles: dict[Id, Profile]

    def profile(self, name: str) -> Profile:
        """Return a profile by name.

        Raises:
            UnknownName: this paper has no such profile.
        """
        if name not in self.profiles:
            raise UnknownName.among("profile", name, self.profiles)
        return self.profiles[name]

    def runs(self, profile: str) -> dict[str, Run]:
        """Return the runs of one profile by id."""
        return (self.__pydantic_extra__ or {}).get(profile, {})

    def profiles_with_runs(self) -> list[str]:
        """Return the names under which there are runs."""
        return list(self.__pydantic_extra__ or {})


class Operand(Frozen):
    """Which measurements of a profile feed a claim: one per seed. `method = "dense"` is the unpruned network."""

    run: Id
    method: Id
    sparsity: Fraction = 0.0
    metric: Id = "accuracy"
    """A metric that the step measures; one with a number per tensor stands for one sample per tensor."""
    at: Id = "end"
    """The step that measures it."""


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


class Difference(Frozen):
    """The first of two numbers out of printed tables minus the second."""

    difference: tuple[Quantity, Quantity]


class Welch(Frozen):
    """The two-sided p value of Welch's test between two printed means, each with its standard deviation beside it."""

    welch: tuple[Quantity, Quantity]
    """Each one cell: `reduce` is `only`, `max` or `min`."""
    spread: str
    """The column of the standard deviations, of single runs and not of their mean."""
    runs: Annotated[int, Field(ge=2)]
    """Behind each mean."""

    @model_validator(mode="after")
    def _single_cells(self) -> Self:
        if any(each.reduce in ("mean", "count") for each in self.welch):
            raise ValueError("a mean or count of cells has no printed spread; reduce by only, max or min")
        return self


Side = Quantity | Difference | Welch | float
"""What a comparison compares."""


class Comparison(Frozen):
    """`left relation right + plus`."""

    left: Side
    relation: Literal[">", ">=", "<", "<=", "=="]
    right: Side
    plus: float = 0.0
    note: str = ""


class ClaimBase(Frozen):
    """What all claims have."""

    id: Id
    text: str
    """The claim in our own words."""
    where: str
    """Section, table or figure; `not in the paper` for controls that the paper does not run."""
    strength: Literal["stated", "implied", "control", "negative-control", "self-test", "unverified"]
    """How firmly the paper says it. `control` is ours. A `negative-control` must fail, or the claims beside it say
    nothing; a `self-test` is about this package, and an `unverified` claim is one that we could not find in the paper:
    none of these counts among the claims that hold or fail."""
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
    requires: tuple[Id, ...] = ()
    """Earlier claims that must hold at a profile for this one to be judged there: what makes its evidence sound."""
    headline: bool = False
    """One of the few claims that the paper is about, whose verdicts are corrected together for their number."""
    evidence: dict[Id, Evidence] = Field(default_factory=dict)


class Pair(Frozen):
    """Two methods of a run whose set-ups are compared."""

    run: Id
    methods: tuple[Id, Id]
    note: str = ""


class SetupClaim(ClaimBase):
    """A statement about how two methods are set up, read off their steps; nothing is trained."""

    kind: Literal["setup"]
    equal: tuple[str, ...] = ()
    """Properties that must be the same for both, see `papers/setups.py`."""
    different: tuple[str, ...] = ()
    """Properties that must differ."""
    evidence: dict[Id, Pair] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.equal and not self.different:
            raise ValueError("neither `equal` nor `different` names a property; name one that can fail")
        return self


Claim = Annotated[PrintedClaim | MechanismClaim | RerunClaim | SetupClaim, Field(discriminator="kind")]


class Unjudged(Frozen):
    """What a profile measures and no claim reads, with the reason."""

    run: Id
    method: str
    """A method of the run; `*` and `?` stand for parts of names."""
    sparsities: tuple[Fraction, ...] = ()
    """All of the method's when empty."""
    why: str


class Finding(Frozen):
    """A question that the paper raises, and the claims that answer it."""

    question: str
    """One that can be answered by yes or no; yes is what the paper says."""
    short: str
    """The question as a phrase, to be followed by a colon and the answer."""
    claims: tuple[str, ...] = Field(min_length=1)
    """Claims that hold where the answer is yes; `*` and `?` stand for parts of ids."""
    figure: str = ""
    """The end of the name of the figures that show it, such as `strip`."""


class ClaimsFile(Frozen):
    """`claims.toml`."""

    finding: tuple[Finding, ...] = ()
    claim: tuple[Claim, ...] = Field(min_length=1)
    unjudged: dict[Id, tuple[Unjudged, ...]] = Field(default_factory=dict)
    """Profile -> what is measured there and read by no claim."""


_OWN = ("kind", "run", "title", "caption", "name")


class FigureSpec(Frozen):
    """One `[[figure]]`: its kind with options, and the runs that it is drawn for."""

    kind: Choice
    run: tuple[Id, ...] = ()
    """Runs for each of which it is drawn; every run that has what it shows when empty."""
    name: Id | None = None
    """The end of the file's name, after the run; the kind when None."""
    title: str = ""
    """Above the panels, after the run; as the kind of figure says when empty."""
    caption: str = ""
    """Sentences that follow what the kind of figure says of what it drew."""

    @model_validator(mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if not isinstance(value, dict) or isinstance(value.get("kind"), dict | Choice):
            return value
        kind = {"id": value.get("kind"), "options": {key: each for key, each in value.items() if key not in _OWN}}
        runs = value.get("run", ())
        own = {key: each for key, each in value.items() if key in _OWN}
        named = {"kind": kind} if "kind" in value else {}
        return own | named | {"run": (runs,) if isinstance(runs, str) else runs}


class FiguresFile(Frozen):
    """`figures.toml`."""

    figure: tuple[FigureSpec, ...] = ()
