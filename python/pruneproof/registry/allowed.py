"""`PRUNEPROOF_PLUGINS`: which installed plugins may be loaded at all."""

import os
from collections.abc import Collection

from pruneproof.errors import BadOption, UnknownName

VARIABLE = "PRUNEPROOF_PLUGINS"


def allowed(names: Collection[str]) -> set[str]:
    """Return which of the installed `names` the environment variable lets through; all where it is not set.

    Items are separated by commas: names are the only ones besides `builtin`, `-name` leaves one out; an empty value or
    `none` leaves out all but `builtin`.

    >>> os.environ["PRUNEPROOF_PLUGINS"] = "-trackers"
    >>> sorted(allowed(["builtin", "trackers", "wanda"]))
    ['builtin', 'wanda']
    >>> os.environ["PRUNEPROOF_PLUGINS"] = "none"
    >>> sorted(allowed(["builtin", "trackers", "wanda"]))
    ['builtin']
    >>> del os.environ["PRUNEPROOF_PLUGINS"]

    Raises:
        UnknownName: an item is not installed.
        BadOption: `builtin` is to be left out.
    """
    text = os.environ.get(VARIABLE)
    if text is None:
        return set(names)
    items = [item.strip() for item in text.split(",") if item.strip() not in ("", "none")]
    for item in items:
        if item.removeprefix("-") not in names:
            raise UnknownName.among(
                "plugin", item.removeprefix("-"), names, where=VARIABLE, advice="Correct or unset it."
            )
    if "-builtin" in items:
        raise BadOption(f'{VARIABLE} leaves out "builtin", which everything needs. Remove "-builtin" from it.')
    left_out = {item.removeprefix("-") for item in items if item.startswith("-")}
    wanted = {item for item in items if not item.startswith("-")}
    if items and not wanted:
        wanted = set(names)
    return {"builtin"}.union(wanted) - left_out
