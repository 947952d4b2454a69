"""All built-in transforms."""

from pruneproof.api import Transform
from pruneproof.transforms.invert import INVERT
from pruneproof.transforms.orthp import ORTHP
from pruneproof.transforms.re_initialise import RE_INITIALISE
from pruneproof.transforms.shuffles import SHUFFLE_FILTERS, SHUFFLE_GLOBALLY, SHUFFLE_WITHIN_LAYERS
from pruneproof.transforms.signed_constant import SIGNED_CONSTANT

TRANSFORMS: tuple[Transform, ...] = (
    SHUFFLE_WITHIN_LAYERS,
    SHUFFLE_GLOBALLY,
    SHUFFLE_FILTERS,
    RE_INITIALISE,
    INVERT,
    SIGNED_CONSTANT,
    ORTHP,
)
