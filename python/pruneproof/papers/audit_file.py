"""Reads an experiment that its author describes: a small TOML or JSON file in which anything may be unknown."""

import math
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from pruneproof.contracts.choice import Choice, Chosen, Frozen
from pruneproof.contracts.lr_schedule import LRSchedule
from pruneproof.contracts.recipe import Recipe
from pruneproof.errors import BadConfig, BadOption, UnknownName
from pruneproof.papers.audit_card import SETTINGS, Base, Card, Stage, sampled
from pruneproof.papers.check_names import check_choice
from pruneproof.papers.explain import explain, keys_at
from pruneproof.papers.locate import locate
from pruneproof.papers.toml_text import parse_toml
from pruneproof.registry.catalog import Catalog
from pruneproof.training.rate import learning_rate, wrapped
from pruneproof.values.opening import parse_json, read_bytes

UNKNOWN = "unknown"
NotNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Word = Annotated[str, BeforeValidator(lambda value: value.strip().lower() if isinstance(value, str) else value)]
"""A name that is compared; capitals do not count."""


class StageFile(Frozen):
    """One stage: how long, at which learning rates, and with which other settings."""

    epochs: NotNegative | None = None
    lr: Positive | None = None
    lr_schedule: Chosen | None = None
    lr_update: Literal["epoch", "step"] | None = None
    warmup: Annotated[int, Field(ge=0)] = 0
    rates: tuple[NotNegative, ...] | None = None
    """In place of the four keys before: the learning rates as logged, one or more per epoch."""
    optimizer: Word | None = None
    momentum: NotNegative | None = None
    nesterov: bool | None = None
    weight_decay: NotNegative | None = None
    batch: Annotated[int, Field(ge=1)] | None = None
    augment: tuple[Word, ...] | None = None
    label_smoothing: NotNegative | None = None
    temperature: Positive | None = None
    clip: Positive | Literal["none"] | None = None
    distillation: bool | None = None
    averaging: bool | None = None

    @model_validator(mode="after")
    def _whole_rates(self) -> Self:
        if self.rates is None:
            return self
        if not self.epochs:
            raise ValueError("rates need the number of epochs; add it")
        if self.lr is not None or self.lr_schedule is not None:
            raise ValueError("rates say what lr and lr_schedule would; leave one out")
        if not self.rates or not math.isclose(len(self.rates) / self.epochs % 1, 0, abs_tol=1e-9):
            raise ValueError(
                f"{len(self.rates)} rates for {self.epochs:g} epochs; as many for each epoch were expected"
            )
        return self


class BaseFile(Frozen):
    """The network that is pruned."""

    weights: Annotated[
        tuple[Word, ...] | None,
        Field(min_length=1),
        BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
    ] = None
    accuracy: Annotated[float, Field(ge=0, le=100)] | None = None


class CardFile(Frozen):
    """An experiment; what stays out is unknown."""

    name: str
    dataset: Word | None = None
    fingerprint: Word | None = None
    network: Word | None = None
    granularity: Word | None = None
    sparsity: Annotated[float, Field(ge=0, lt=1)] | None = None
    speedup: Positive | None = None
    rounds: Annotated[int, Field(ge=1)] | None = None
    report: Literal["last", "best-on-test", "best-on-validation"] | None = None
    scratch: bool = False
    base: BaseFile = BaseFile()
    pretrain: StageFile = StageFile()
    prune: StageFile = StageFile()
    retrain: StageFile = StageFile()


def read_card(path: Path, catalog: Catalog) -> Card:
    """Read a card; the word `unknown`, and in JSON null, stand for a key that is left out.

    Raises:
        BadOption: there is no such file.
        BadConfig: it is no TOML or JSON, or has a value of a wrong type or range.
        UnknownName: a key or a learning-rate schedule that does not exist.
    """
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except FileNotFoundError:
        raise BadOption(f"card {path} does not exist. Write one with: repro audit --template > {path}") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise BadOption(f"card {path} cannot be read as UTF-8 text: {problem}.") from None
    is_json = path.suffix == ".json"
    try:
        known = _known(parse_json(text.encode()) if is_json else parse_toml(text))
    except RecursionError:
        raise BadConfig(f"{path}: its values are nested too deeply. `repro audit --template` prints a card.") from None
    except ValueError as problem:
        raise BadConfig(f"{path}: not valid {'JSON' if is_json else 'TOML'}: {problem}.") from None
    try:
        card = CardFile.model_validate(known)
    except ValidationError as problem:
        if is_json:
            _refuse(problem, path)
        explain(problem, path, CardFile, locate(text))
    return _card(card, path, catalog)


def _refuse(problem: ValidationError, path: Path) -> NoReturn:
    """Raise what is wrong in JSON, whose lines are not known, by its keys."""
    first = problem.errors()[0]
    *parents, key = ("", *map(str, first["loc"]))
    where = f"{path}, {'.'.join(each for each in (*parents, key) if each) or 'the whole'}"
    if first["type"] == "extra_forbidden":
        raise UnknownName.among("key", key, keys_at(CardFile, first["loc"][:-1]), where=where) from None
    raise BadConfig(f"{where}: {first['msg'].removeprefix('Value error, ')}; found {first['input']!r:.80}.") from None


def _known(value: Any) -> Any:
    """Leave out what is said to be unknown.

    >>> _known({"lr": "unknown", "base": {"weights": None}, "epochs": 90})
    {'base': {}, 'epochs': 90}
    """
    if not isinstance(value, dict):
        return value
    return {key: _known(each) for key, each in value.items() if each is not None and each != UNKNOWN}


def _card(found: CardFile, path: Path, catalog: Catalog) -> Card:
    before = {"pretrain": found.pretrain, "prune": found.prune}
    if found.scratch:
        if any(stage != StageFile() for stage in before.values()):
            raise BadConfig(
                f"{path}: a network from scratch is neither pretrained nor pruned. Put its training in [retrain]."
            )
        before = dict.fromkeys(before, StageFile(epochs=0))
    stages = {name: _stage(stage, f"{path}, {name}", catalog) for name, stage in before.items()}
    return Card(
        name=found.name,
        dataset=found.dataset,
        fingerprint=found.fingerprint,
        network=found.network,
        granularity=found.granularity,
        sparsity=found.sparsity,
        speedup=found.speedup,
        rounds=found.rounds,
        report=found.report,
        base=Base(weights=found.base.weights, accuracy=found.base.accuracy),
        pretrain=stages["pretrain"],
        prune=stages["prune"],
        retrain=_stage(found.retrain, f"{path}, retrain", catalog),
        is_scratch=found.scratch,
    )


def _stage(stage: StageFile, where: str, catalog: Catalog) -> Stage:
    settings = {name: getattr(stage, name) for name in SETTINGS if getattr(stage, name) is not None}
    return Stage(stage.epochs, _rates(stage, where, catalog), settings)


def _rates(stage: StageFile, where: str, catalog: Catalog) -> tuple[float, ...] | None:
    """Return the learning rates of a stage; None where what is said of them allows several."""
    if stage.epochs is None or not stage.epochs:
        return None if stage.epochs is None else ()
    if stage.rates is not None:
        logged, each = stage.rates, len(stage.rates) / stage.epochs
        return sampled(lambda epoch: logged[int(epoch * each + 1e-9)], 0, stage.epochs, by_step=True)
    if stage.lr is None or stage.lr_schedule is None:
        return None
    inner: Choice | None = stage.lr_schedule
    while inner is not None:
        check_choice(catalog, LRSchedule, inner, where)
        inner = wrapped(inner)
    updates = ["epoch", "step"] if stage.lr_update is None else [stage.lr_update]
    lengths = {math.floor(stage.epochs), math.ceil(stage.epochs)} - {0}
    readings = {
        sampled(learning_rate(_recipe(stage, length), catalog.get), 0, stage.epochs, by_step=update == "step")
        for update in updates
        for length in lengths
    }
    return readings.pop() if len(readings) == 1 else None


def _recipe(stage: StageFile, epochs: int) -> Recipe:
    return Recipe.model_validate(
        {"epochs": epochs, "batch": 1, "lr": stage.lr, "lr_schedule": stage.lr_schedule, "warmup": stage.warmup}
    )


_STAGE = """\
epochs = "unknown"
lr = "unknown"                # the base rate
lr_schedule = "unknown"       # "constant", { id = "milestones", at = [30, 60], factor = 0.1 }, "cosine", ...
lr_update = "unknown"         # when the rate changes: "epoch" or "step"; matters only between whole epochs
warmup = 0                    # epochs of linear warm-up before the schedule
# rates = [0.1, 0.1, 0.01]    # in place of the four lines before: the rates as logged, one or more per epoch
optimizer = "unknown"         # "sgd", "adam", ...
momentum = "unknown"
nesterov = "unknown"
weight_decay = "unknown"
batch = "unknown"
augment = "unknown"           # ["crop", "flip"]
label_smoothing = "unknown"
temperature = "unknown"       # of the loss; 1.0 where there is none
clip = "unknown"              # largest gradient norm, or "none"
distillation = "unknown"      # true or false
averaging = "unknown"         # of weights over training: true or false
"""
TEMPLATE = f"""\
# An experiment, for `repro audit`. What is "unknown", or left out, proves nothing; fill in what is known.

name = "ours"
dataset = "unknown"           # a name; both cards must write it alike, capitals aside
fingerprint = "unknown"       # any digest of the images as decoded, with their split
network = "unknown"
granularity = "unknown"       # what lives and dies together: "weight", "filter", "2:4", ...
sparsity = "unknown"          # fraction of the prunable weights that are zero
speedup = "unknown"           # multiply-adds of the dense network / those of the pruned one; say which in the text
rounds = "unknown"            # pruning iterations; 1 is one-shot
report = "unknown"            # the epoch that is reported: "last", "best-on-test" or "best-on-validation"
scratch = false               # true: trained from scratch in the pruned shape; all of its training is [retrain]

[base]                        # the network that is pruned
weights = "unknown"           # a digest of the file or tensors, such as sha256; one per seed if there are several
accuracy = "unknown"          # in %; equal accuracies do not make equal weights

[pretrain]                    # what made the base
{_STAGE}
[prune]                       # from the first step towards a removal to the last removal; one-shot is epochs = 0
{_STAGE}
[retrain]                     # from the last removal on
{_STAGE}"""
