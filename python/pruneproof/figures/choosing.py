"""What kinds of figures share: which rows, which metric, and one sparsity where several would lie on each other."""

from collections.abc import Mapping, Sequence
from typing import Any

from pruneproof.api import drawing


def chosen_rows(
    table: drawing.Table, where: Mapping[str, Any] | None, but: Mapping[str, Any] | None, reference: Sequence[str]
) -> tuple[drawing.Table, drawing.Table]:
    """Return the table of the rows to show, and that of the methods that they are compared with."""
    references = drawing.Table(tuple(row for row in table.rows if row.method in reference), table.metrics)
    rest = drawing.Table(tuple(row for row in table.rows if row.method not in reference), table.metrics, table.settings)
    return rest.where(where, but), references


def chosen_quantity(table: drawing.Table, name: str, at: str) -> drawing.Quantity | None:
    """Return a quantity by name; without a name the first number that was measured, None where there is none."""
    return table.quantity(name, at) if name else table.first(at)


def one_sparsity(table: drawing.Table, columns: Sequence[str]) -> tuple[drawing.Table, str]:
    """Keep the sparsity with most groups unless one of the columns tells sparsities apart; say which in words."""
    return (table, "") if "sparsity" in columns else most_shown_sparsity(table)


def most_shown_sparsity(table: drawing.Table) -> tuple[drawing.Table, str]:
    """Keep the sparsity with most groups where there are several; say which in words."""
    sparsities = [group.sparsity for group in table.groups]
    if len(set(sparsities)) < 2:
        return table, ""
    most = max(sorted(set(sparsities)), key=sparsities.count)
    return table.where({"sparsity": most}), f" at {drawing.percent(most)} sparsity"


def number(group: drawing.Group, quantity: drawing.Quantity) -> float | None:
    """Return the value of a column, or the mean of a metric; None where the group has none."""
    if quantity.is_column:
        value = group.column(quantity.name)
        return value if isinstance(value, int | float) else None
    found = group.numbers(quantity)
    return None if found is None else found.mean


def panel_title(column: str, value: Any) -> str:
    """Return what stands above a panel: `98 % sparsity`, `14 iterations`, a name.

    >>> panel_title("sparsity", 0.98), panel_title("iterations", 1), panel_title("criterion", "snip")
    ('98 % sparsity', 'iterations: 1', 'snip')
    """
    if not column:
        return ""
    if column == "sparsity":
        return f"{drawing.percent(value)} sparsity"
    return value if isinstance(value, str) else f"{column}: {value:g}"
