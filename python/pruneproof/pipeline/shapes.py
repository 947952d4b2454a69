"""The smaller network that a `shrink` stage has left, initialised anew."""

from torch import nn

from pruneproof.contracts.model import Model
from pruneproof.errors import BadConfig


def initialise(module: nn.Module, model: Model) -> None:
    """Draw a network of another shape than the model's own anew, from torch's global generator.

    By the model's initialiser, or where it names none by `reset_parameters` of each part that holds parameters.

    Raises:
        BadConfig: neither exists.
    """
    if model.initialise is not None:
        model.initialise(module)
        return
    for name, part in module.named_modules():
        own = next(part.parameters(recurse=False), None)
        reset = getattr(part, "reset_parameters", None)
        if reset is not None:
            reset()
        elif own is not None:
            raise BadConfig(
                f'the model "{model.id}" cannot be initialised in another shape: it names no initialiser '
                f'(`Model.initialise`), and its part "{name}" ({type(part).__name__}) has no reset_parameters().'
            )
