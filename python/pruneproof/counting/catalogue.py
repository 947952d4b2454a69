"""All built-in counting rules."""

from pruneproof.api import CountingRule
from pruneproof.counting.ceil_keep_one import CEIL_KEEP_ONE
from pruneproof.counting.published_codes import RULES

COUNTING_RULES: tuple[CountingRule, ...] = (CEIL_KEEP_ONE, *RULES)
