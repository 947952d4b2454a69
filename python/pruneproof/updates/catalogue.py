"""All built-in updates."""

from pruneproof.api import Update
from pruneproof.updates.granet import GRANET
from pruneproof.updates.rigl import RIGL
from pruneproof.updates.set import SET

UPDATES: tuple[Update, ...] = (RIGL, SET, GRANET)
