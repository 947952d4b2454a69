"""All built-in kinds of figures."""

from pruneproof.api import Figure
from pruneproof.figures.by_round import BY_ROUND
from pruneproof.figures.curves import CURVES
from pruneproof.figures.epochs import EPOCHS
from pruneproof.figures.forest import FOREST
from pruneproof.figures.heatmap import HEATMAP
from pruneproof.figures.scatter import SCATTER
from pruneproof.figures.signs import SIGNS
from pruneproof.figures.strip import STRIP

FIGURES: tuple[Figure, ...] = (CURVES, STRIP, SCATTER, HEATMAP, EPOCHS, BY_ROUND, SIGNS, FOREST)
