"""`Recipe`: how a network is trained, every default written out."""

from typing import Annotated, Literal

from pydantic import Field

from pruneproof.contracts.choice import Choice, Chosen, Frozen


class Recipe(Frozen):
    """How a network is trained. Learning-rate updates are per epoch unless `lr_update` says step."""

    epochs: Annotated[int, Field(ge=0)]
    batch: Annotated[int, Field(ge=1)]
    lr: Annotated[float, Field(gt=0)]
    optimizer: Literal["sgd", "adam", "adamw"] = "sgd"
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    nesterov: bool = False
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    lr_schedule: Chosen = Choice(id="constant")
    """A learning-rate schedule; it counts from the end of the warm-up."""
    lr_update: Literal["epoch", "step"] = "epoch"
    warmup: Annotated[int, Field(ge=0)] = 0
    """Epochs of linear warm-up, lr * (e + 1) / warmup."""
    temperature: Annotated[float, Field(gt=0)] = 1.0
    """Divides the logits before the cross-entropy, in training."""
    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    clip: Annotated[float, Field(gt=0)] | None = None
    """Largest gradient norm."""
    augment: tuple[str, ...] = ()
    validation: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """Fraction of the training set held out; the epoch with the best accuracy on it is kept. 0: the last epoch is
    kept."""
