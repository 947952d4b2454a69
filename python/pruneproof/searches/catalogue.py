"""All built-in mask searches."""

from pruneproof.api import MaskSearch
from pruneproof.searches.edge_popup import EDGE_POPUP
from pruneproof.searches.gem_miner import GEM_MINER

SEARCHES: tuple[MaskSearch, ...] = (EDGE_POPUP, GEM_MINER)
