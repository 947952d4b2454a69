"""`Recipe`: how a network is trained, every default written out."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Recipe(BaseModel):
    """How a network is trained. Learning-rate updates are per epoch unless `lr_update` says step."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    epochs: Annotated[int, Field(ge=0)]
    batch: Annotated[int, Field(ge=1)]
    lr: Annotated[float, Field(gt=0)]
    optimizer: Literal["sgd", "adam", "adamw"] = "sgd"
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    nesterov: bool = False
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    lr_schedule: Literal["constant", "cosine", "step"] = "constant"
    lr_update: Literal["epoch", "step"] = "epoch"
    lr_every: Annotated[int, Field(ge=1)] | None = None
    """Epochs between two multiplications by `lr_factor` (schedule `step`)."""
    lr_factor: Annotated[float, Field(gt=0, le=1)] | None = None
    warmup: Annotated[int, Field(ge=0)] = 0
    """Epochs of linear warm-up, lr * (e + 1) / warmup; the schedule counts from their end."""
    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    clip: Annotated[float, Field(gt=0)] | None = None
    """Largest gradient norm."""
    augment: tuple[str, ...] = ()
    validation: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """Fraction of the training set held out; the epoch with the best accuracy on it is kept. 0: the last epoch is
    kept."""

    @model_validator(mode="after")
    def _step_has_its_numbers(self) -> Self:
        if (self.lr_schedule == "step") != (self.lr_every is not None and self.lr_factor is not None):
            raise ValueError('lr_every and lr_factor belong to lr_schedule = "step", both of them')
        return self
