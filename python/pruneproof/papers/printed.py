"""Printed claims: the paper's text against the numbers of its own tables, in exact decimal arithmetic."""

import operator
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from pruneproof.contracts.claims import Outcome
from pruneproof.contracts.mechanism import Fact
from pruneproof.errors import BadConfig
from pruneproof.papers.schema import Comparison, Difference, PrintedClaim, Quantity, Side, Welch

Row = Mapping[str, str]
"""A table row as printed: column -> text, empty where the paper prints nothing."""
Tables = Mapping[str, Sequence[Row]]

RELATIONS: Mapping[str, Callable[[Decimal, Decimal], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
}


def check_printed(claim: PrintedClaim, tables: Tables) -> tuple[Outcome, list[Fact]]:
    """Evaluate every comparison of a claim; it holds when all do.

    Raises:
        BadConfig: `only` meets none or several rows, a reduction meets none, or a printed cell is no number.
    """
    facts = [compare(comparison, tables, claim.id) for comparison in claim.compare]
    false = [fact for fact in facts if not fact.holds]
    if false:
        reason = f"{len(false)} of {len(facts)} comparisons wrong; first: {false[0].statement}: {false[0].found}"
        return Outcome("fails", reason, n=len(facts)), facts
    said = "the comparison holds" if len(facts) == 1 else f"all {len(facts)} comparisons hold"
    return Outcome("holds", f"{said} on the printed numbers", n=len(facts)), facts


def compare(comparison: Comparison, tables: Tables, claim: str) -> Fact:
    """Return one comparison as a fact with both numbers."""
    left, right = (_value(side, tables, claim) for side in (comparison.left, comparison.right))
    plus = _exact(comparison.plus)
    bound = right + plus
    shift = f" {'+' if plus > 0 else '-'} {abs(plus).normalize()}" if plus else ""
    note = f" ({comparison.note})" if comparison.note else ""
    return Fact(
        statement=f"{_name(comparison.left)} {comparison.relation} {_name(comparison.right)}{shift}{note}",
        expected=f"{comparison.relation} {bound}",
        found=_found(comparison.left, left, bound),
        holds=RELATIONS[comparison.relation](left, bound),
    )


def select_rows(quantity: Quantity, tables: Tables) -> list[Row]:
    """Return the rows that a quantity's filters leave. A cell without a number meets no bound."""
    return [
        row
        for row in tables[quantity.table]
        if all(_is(row[column], wanted) for column, wanted in quantity.where.items())
        and not any(_is(row[column], wanted) for column, wanted in quantity.but_not.items())
        and all(row[column] and Decimal(row[column]) >= _exact(least) for column, least in quantity.at_least.items())
        and all(row[column] and Decimal(row[column]) <= _exact(most) for column, most in quantity.at_most.items())
    ]


def _is(cell: str, wanted: str | float | list[str | float]) -> bool:
    """Say whether a cell is the wanted text or number, or one of several."""
    if isinstance(wanted, list):
        return any(_is(cell, each) for each in wanted)
    if isinstance(wanted, str):
        return cell == wanted
    try:
        return Decimal(cell) == _exact(wanted)
    except ArithmeticError:
        return False


def quantities_of(side: Side) -> tuple[Quantity, ...]:
    """Return the numbers out of tables that a side is made of."""
    match side:
        case Quantity():
            return (side,)
        case Difference():
            return side.difference
        case Welch():
            return side.welch
        case _:
            return ()


def _value(side: Side, tables: Tables, claim: str) -> Decimal:
    match side:
        case Quantity():
            return _number(side, tables, claim)
        case Difference(difference=(first, second)):
            return _number(first, tables, claim) - _number(second, tables, claim)
        case Welch():
            return _p_value(side, tables, claim)
        case _:
            return _exact(side)


def _number(quantity: Quantity, tables: Tables, claim: str) -> Decimal:
    if quantity.reduce == "count":
        return Decimal(len(select_rows(quantity, tables)))
    numbers = [number for number, _ in _cells(quantity, tables, claim)]
    match quantity.reduce:
        case "max":
            return max(numbers)
        case "min":
            return min(numbers)
        case "mean":
            return sum(numbers, Decimal(0)) / len(numbers)
        case _:
            return numbers[0]


def _p_value(side: Welch, tables: Tables, claim: str) -> Decimal:
    """Return p by the means and spreads of two rows. Raises BadConfig where one has no spread, or both have none."""
    samples = []
    for quantity in side.welch:
        cells = _cells(quantity, tables, claim)
        mean, row = min(cells, key=lambda cell: cell[0]) if quantity.reduce == "min" else max(cells, key=lambda c: c[0])
        samples.append((mean, _cells(quantity, tables, claim, [row], side.spread)[0][0]))
    (first, spread), (second, other) = samples
    if not spread and not other:
        raise BadConfig(
            f'claim "{claim}": {_name(side)} has two spreads of 0, between which there is no test. '
            "Compare the numbers without one."
        )
    from pruneproof.statistics import welch_p  # here, because what only lists papers starts without SciPy

    p = welch_p(float(first), float(spread), side.runs, float(second), float(other), side.runs)
    return Decimal(p)


def _cells(
    quantity: Quantity, tables: Tables, claim: str, rows: Sequence[Row] | None = None, column: str = ""
) -> list[tuple[Decimal, Row]]:
    """Return the numbers that a quantity is made of with their rows; those of another column of rows when given."""
    rows, column = select_rows(quantity, tables) if rows is None else rows, column or quantity.column
    cells = [(row[column], row) for row in rows if row[column]]
    if not cells or (quantity.reduce == "only" and len(rows) != 1):
        allowed = "exactly one row" if quantity.reduce == "only" else "at least one number"
        raise BadConfig(
            f'claim "{claim}": {_name(quantity)} finds {len(rows)} rows and {len(cells)} numbers; {allowed} was '
            "expected. Change its filters in claims.toml."
        )
    try:
        return [(Decimal(cell), row) for cell, row in cells]
    except ArithmeticError:
        found = f'column "{column}" of table {quantity.table} holds {[cell for cell, _ in cells]}'
        raise BadConfig(f'claim "{claim}": {found}; numbers were expected.') from None


def _found(side: Side, value: Decimal, bound: Decimal) -> str:
    """Say what a side is, and by how much it misses or exceeds the bound; p values to three digits."""
    return f"{value:.3g}" if isinstance(side, Welch) else f"{value}, difference {value - bound:+}"


def _name(side: Side) -> str:
    """Say in words which number a side is."""
    match side:
        case Difference(difference=(first, second)):
            return f"({_name(first)} - {_name(second)})"
        case Welch(welch=(first, second), runs=runs):
            return f"p of {_name(first)} against {_name(second)}, {runs} runs each (Welch)"
        case Quantity():
            return _quantity_name(side)
        case _:
            return f"{side:g}"


def _quantity_name(side: Quantity) -> str:
    filters = [f"{column} = {_text(wanted)}" for column, wanted in side.where.items()]
    filters += [f"{column} is not {_text(wanted)}" for column, wanted in side.but_not.items()]
    filters += [f"{column} >= {least:g}" for column, least in side.at_least.items()]
    filters += [f"{column} <= {most:g}" for column, most in side.at_most.items()]
    reduction = "" if side.reduce == "only" else f"{side.reduce} of "
    of = f" [{', '.join(filters)}]" if filters else ""
    return f"{reduction}{side.table}.{side.column}{of}"


def _text(wanted: str | float | list[str | float]) -> str:
    if isinstance(wanted, list):
        return " or ".join(_text(each) for each in wanted)
    return wanted if isinstance(wanted, str) else f"{wanted:g}"


def _exact(number: float) -> Decimal:
    """Return the decimal number that the config spells, e.g. 0.1 and not its binary neighbour."""
    return Decimal(repr(number).removesuffix(".0"))
