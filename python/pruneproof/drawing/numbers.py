"""How measured numbers are written, the same in figures, tables and sentences."""

from collections.abc import Sequence

import numpy as np

from pruneproof.statistics import rounded


def percent(fraction: float) -> str:
    """Return a fraction as a percentage, `97.5 %`.

    >>> percent(0.975), percent(0.9805), percent(0.29)
    ('97.5 %', '98.05 %', '29 %')
    """
    return f"{round(100 * fraction, 6):.5g} %"


def signed(x: float) -> str:
    """Return a rounded number with its sign.

    >>> signed(0.5), signed(-1.25), signed(0.0)
    ('+0.5', '-1.25', '0')
    """
    text = rounded(x)
    return text if text.startswith("-") or text == "0" else f"+{text}"


def shown(values: Sequence[float | bool], unit: str = "") -> str:
    """Return a metric's values over seeds as one text: mean ± standard deviation, or how many are true.

    Percentages have two decimals, counts that all seeds share stay whole, other numbers are rounded by size.

    >>> shown([95.0, 96.0, 97.0], "%"), shown([174, 174], "weights"), shown([0.25])
    ('96.00 ± 1.00', '174', '0.25')
    >>> shown([True, False, True]), shown([True]), shown([])
    ('2 of 3', 'yes', '')
    """
    if not values:
        return ""
    if all(isinstance(value, bool) for value in values):
        count = sum(map(bool, values))
        return f"{count} of {len(values)}" if len(values) > 1 else ("yes" if count else "no")
    if len(set(values)) == 1:
        return _written(values[0], unit)
    mean, deviation = float(np.mean(values)), float(np.std(values, ddof=1))
    return f"{_written(mean, unit)} ± {_written(deviation, unit)}"


def _written(value: float, unit: str) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.2f}" if unit == "%" else rounded(value)


def sentence(text: str) -> str:
    """Return a text that begins with a capital.

    >>> sentence("accuracy (%)")
    'Accuracy (%)'
    """
    return text[:1].upper() + text[1:]
