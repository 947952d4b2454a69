"""All built-in mask searches."""

from pruneproof.api import MaskSearch
from pruneproof.searches.edge_popup import EDGE_POPUP

SEARCHES: tuple[MaskSearch, ...] = (EDGE_POPUP,)
