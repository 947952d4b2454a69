"""All built-in allocations."""

from pruneproof.allocations.balanced import BALANCED
from pruneproof.allocations.erk import ER, ERK
from pruneproof.allocations.given import GIVEN
from pruneproof.allocations.lamp import LAMP
from pruneproof.allocations.smart_ratio import SMART_RATIO
from pruneproof.allocations.uniform import UNIFORM
from pruneproof.allocations.uniform_plus import UNIFORM_PLUS
from pruneproof.api import Allocation

ALLOCATIONS: tuple[Allocation, ...] = (UNIFORM, UNIFORM_PLUS, ERK, ER, BALANCED, SMART_RATIO, LAMP, GIVEN)
