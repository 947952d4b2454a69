"""All built-in floors."""

from pruneproof.api import Floor
from pruneproof.floors.count import COUNT
from pruneproof.floors.global_mp_released import GLOBAL_MP_RELEASED
from pruneproof.floors.share_of_all import SHARE_OF_ALL
from pruneproof.floors.share_of_tensor import SHARE_OF_TENSOR

FLOORS: tuple[Floor, ...] = (COUNT, SHARE_OF_TENSOR, SHARE_OF_ALL, GLOBAL_MP_RELEASED)
