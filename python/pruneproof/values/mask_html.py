"""A mask as a notebook shows it: a row per tensor."""

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pruneproof.values.masks import MaskSet

SHOWN = 40
"""Tensors of a larger set that are shown; the line of all counts every one."""


def mask_html(masks: "MaskSet") -> str:
    """Return an HTML table of shape, alive weights and density of each tensor, and of all."""
    names = list(masks)
    rows = [
        _row(escape(name), "×".join(map(str, masks.shapes[name])), masks.count(name), masks.size(name))
        for name in names[:SHOWN]
    ]
    if len(names) > SHOWN:
        rows.append(f'<tr><td colspan="5">and {len(names) - SHOWN} more tensors</td></tr>')
    heads = "<th>tensor</th><th>shape</th><th>alive</th><th>of</th><th>density</th>"
    whole = _row("<b>all</b>", "", masks.count(), masks.size())
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}{whole}</tbody></table>"


def _row(name: str, shape: str, alive: int, size: int) -> str:
    density = alive / size if size else 1.0
    bar = f'<meter min="0" max="1" value="{density:.6f}"></meter> {100 * density:.2f} %'
    return f"<tr><td>{name}</td><td>{shape}</td><td>{alive}</td><td>{size}</td><td>{bar}</td></tr>"
