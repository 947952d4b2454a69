"""A method as an ordered list of steps: where the mask comes from, where the weights come from, what is trained.

Each class is one `do` of runs.toml. Steps say what happens in order; `pipeline/fold.py` turns them into stages.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from pruneproof.contracts.choice import Choice, Chosen, Frozen, Id, chosen
from pruneproof.contracts.selection import Selection
from pruneproof.errors import BadConfig
from pruneproof.units import optimizer_steps

Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]
Rounds = Annotated[int, Field(ge=1, le=10_000)]
"""How often something is done again; a plan writes every round out."""


def _length(text: str) -> str:
    try:
        optimizer_steps(text, 1)
    except BadConfig as problem:
        raise ValueError(str(problem)) from problem
    return text


Length = Annotated[str, AfterValidator(_length)]
"""`5ep` or `100it`: a whole number of epochs or optimizer steps."""


class Sample(Frozen):
    """The training samples on which a criterion that needs data is scored."""

    size: Annotated[int, Field(ge=1)] = 1000
    """Drawn from the training set, never from what validation holds out."""
    per_class: Annotated[int, Field(ge=1)] | None = None
    """So many of each class, in batches of one class; replaces `size`."""
    resample: bool = True
    """Whether each pruning iteration draws its own samples; otherwise all use those of the first."""
    transforms: tuple[Chosen, ...] = ()
    """Transforms of the samples that were drawn, in order."""


class Step(Frozen):
    """What all steps have."""

    name: Id | None = None
    """By which later steps, claims and figures know what it made."""


class Init(Step):
    """Start from a freshly initialised network, of the shape so far."""

    do: Literal["init"]


class Gradual(Frozen):
    """Pruning while training: at the start of each epoch from `start` to `end`, counted from 0, both included."""

    criterion: Chosen = Choice(id="magnitude")
    select: Selection = Selection()
    sample: Sample = Sample()
    schedule: Chosen = Choice(id="cubic")
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end < self.start:
            raise ValueError(f"end {self.end} lies before start {self.start}")
        return self


def chosen_with(*names: str) -> BeforeValidator:
    """Keep keys of a choice that are not options of the registered thing but of the step."""

    def split(value: Any) -> Any:
        if isinstance(value, str):
            value = {"id": value}
        if not isinstance(value, dict) or "what" in value:
            return value
        what = {key: each for key, each in value.items() if key not in names}
        return {"what": chosen(what), **{key: each for key, each in value.items() if key in names}}

    return BeforeValidator(split)


class Moving(Frozen):
    """A mask that moves while the network trains, every so often until a fraction of the training has passed."""

    what: Choice
    every: Length = "100it"
    start: Length = "0it"
    until: Annotated[float, Field(gt=0, le=1)] = 1.0


class Penalty(Frozen):
    """A penalty that is added to the training loss."""

    what: Choice
    marked: Id | None = None
    """A step that prunes with `apply = false`: what it chose to prune."""


class Watch(Frozen):
    """What is recorded while the network trains, every so often."""

    what: Choice
    every: Length = "1ep"
    reduce: Literal["last", "sum", "mean"] = "last"
    """What becomes of the values between two epochs' ends."""


class Train(Step):
    """Train by a recipe of the run, from where the weights stand in it."""

    model_config = ConfigDict(populate_by_name=True)

    do: Literal["train"]
    recipe: Id
    change: dict[str, Any] = Field(default_factory=dict)
    """What differs from the run's recipe."""
    origin: Annotated[Id | None, Field(alias="from")] = None
    """A step whose weights are trained; those so far when None."""
    start: Annotated[int, Field(ge=0)] | None = None
    """The recipe's epoch to begin at. None: where the weights stand in this recipe, or anew if it has run to its
    end."""
    epochs: Annotated[int, Field(ge=0)] | None = None
    """Train so many epochs and no more."""
    until: Annotated[int, Field(ge=0)] | None = None
    """Train to this epoch of the recipe, exclusive."""
    optimizer: Literal["fresh", "kept"] = "fresh"
    """Whether momentum goes on from the training before."""
    gradual: Gradual | None = None
    updates: tuple[Annotated[Moving, chosen_with("every", "start", "until")], ...] = ()
    regularizers: tuple[Annotated[Penalty, chosen_with("marked")], ...] = ()
    watch: tuple[Annotated[Watch, chosen_with("every", "reduce")], ...] = ()
    sample: Sample = Sample()
    """The scoring samples of watched metrics that look at derivatives."""

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if self.epochs is not None and self.until is not None:
            raise ValueError("epochs and until both say how long; leave one out")
        return self


class Prune(Step):
    """Score and select, once or in several iterations without training between them."""

    do: Literal["prune"]
    criterion: Chosen = Choice(id="magnitude")
    select: Selection = Selection()
    sample: Sample = Sample()
    mode: Literal["criterion", "eval", "train"] = "criterion"
    """The mode in which derivatives are taken: as the criterion asks, or forced."""
    schedule: Chosen = Choice(id="one-shot")
    iterations: Rounds = 1
    sparsity: Fraction | None = None
    """The target; the method's, or the round's, when None."""
    revive: bool = False
    """Whether weights that an earlier iteration of this step removed may come back: each selects among all that were
    alive before the step."""
    transforms: tuple[Chosen, ...] = ()
    """Transforms of the scores, in order."""
    apply: bool = True
    """Otherwise the weights are only marked, for a regularizer or a step that adopts the mask."""


class Rewind(Step):
    """Set the weights back to those of an earlier step; the mask stays."""

    do: Literal["rewind"]
    to: Id


class Adopt(Step):
    """Take over a mask: of an earlier step, or of another method of the run at the same sparsity."""

    do: Literal["adopt"]
    mask: Id | None = None
    method: Id | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.mask is None) == (self.method is None):
            raise ValueError("exactly one of mask (a step) and method says whose mask is adopted")
        return self


class ApplyTransform(Step):
    """Change masks or weights by a transform."""

    do: Literal["transform"]
    what: Choice

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return _options_inside(value, ("do", "name"))


class Search(Step):
    """Learn a mask while the weights stay as they are."""

    do: Literal["search"]
    what: Choice
    recipe: Id
    change: dict[str, Any] = Field(default_factory=dict)
    sparsity: Fraction | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return _options_inside(value, ("do", "name", "recipe", "change", "sparsity"))


def _options_inside(value: Any, own: tuple[str, ...]) -> Any:
    """Return `{do, id, option...}` as `{do, what = {id, options}}`."""
    if not isinstance(value, dict) or "what" in value:
        return value
    what = {key: each for key, each in value.items() if key not in own}
    return {"what": chosen(what), **{key: each for key, each in value.items() if key in own}}


class Shrink(Step):
    """Cut out dead filters: a smaller network with the same outputs."""

    do: Literal["shrink"]


class Measure(Step):
    """Measure the network as it stands; claims and figures read it by the step's name."""

    do: Literal["measure"]
    metrics: tuple[Chosen, ...] = ()
    """What the run's `measure` has under the step's name when empty."""
    against: Id | None = None
    """An earlier step that measures, which the metrics compare with."""
    sample: Sample = Sample()


class ShapeOf(Step):
    """Take over the shape of a network that another method has shrunk at the same sparsity."""

    do: Literal["shape-of"]
    method: Id


class Repeat(Frozen):
    """Steps that run several times; what prunes in them has the sparsity of its round."""

    repeat: Rounds
    schedule: Chosen = Choice(id="linear")
    """The cumulative sparsity after each round, ending on the method's."""
    steps: Annotated[tuple["AnyStep", ...], Field(min_length=1)]


def _kind(value: Any) -> str:
    if isinstance(value, Frozen):
        return "repeat" if isinstance(value, Repeat) else str(getattr(value, "do", ""))
    return "repeat" if "repeat" in value else str(value.get("do", ""))


DOINGS: dict[str, type[Step]] = {
    "init": Init,
    "train": Train,
    "prune": Prune,
    "rewind": Rewind,
    "adopt": Adopt,
    "transform": ApplyTransform,
    "search": Search,
    "shrink": Shrink,
    "measure": Measure,
    "shape-of": ShapeOf,
}
"""What a step can do."""

AnyStep = Annotated[
    Annotated[Init, Tag("init")]
    | Annotated[Train, Tag("train")]
    | Annotated[Prune, Tag("prune")]
    | Annotated[Rewind, Tag("rewind")]
    | Annotated[Adopt, Tag("adopt")]
    | Annotated[ApplyTransform, Tag("transform")]
    | Annotated[Search, Tag("search")]
    | Annotated[Shrink, Tag("shrink")]
    | Annotated[Measure, Tag("measure")]
    | Annotated[ShapeOf, Tag("shape-of")]
    | Annotated[Repeat, Tag("repeat")],
    Discriminator(
        _kind,
        custom_error_type="unknown_step",
        custom_error_message="a step needs `do` (init, train, prune, rewind, adopt, transform, search, shrink, "
        "measure, shape-of) or `repeat`",
    ),
]
"""One step, by its `do`, or a repetition of steps."""

Repeat.model_rebuild()
