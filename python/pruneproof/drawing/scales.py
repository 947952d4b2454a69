"""Scales of axes: which one fits some values, and its limits and ticks.

Data stay as they were measured; the scale alone is transformed.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy import special

from pruneproof.drawing.numbers import percent
from pruneproof.drawing.table import Quantity
from pruneproof.errors import UnknownName
from pruneproof.statistics import rounded

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AXIS_SCALES = ("auto", "linear", "log", "density", "logit")
"""`density` shows a fraction by the logarithm of what is left; `logit` spreads what is near 0 and 100 %."""

MANY = 10.0
"""A ratio of the largest to the smallest value from which `auto` takes logarithms."""
FAR_FROM_TOP = 30.0
"""Points between the lowest and the highest percentage from which `auto` takes the logit scale."""
LOGIT_TICKS = (1, 2, 5, 10, 20, 50, 80, 90, 95, 98, 99, 99.5, 99.8, 99.9)
_LOG_STEPS = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7))
_LEFT_STEPS = ((1,), (1, 0.5, 0.2), (1, 0.7, 0.5, 0.4, 0.3, 0.2, 0.15))
"""Ticks of a decade, from few to many; those of a `density` axis say what is left."""
_ENOUGH = 4
"""Ticks."""
_FINEST = 1e-9
"""The least distance of two ticks that are evenly spaced."""
_TINY = 1e-290
"""Up to which a number is zero to a log axis."""
_PAD = 0.06
_LEAST_GAP = {"x": 0.1, "y": 0.07}
"""Between two ticks, as a share of the axis; texts are wider than high."""
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

Transform = Callable[[Any], Any]


@dataclass(frozen=True)
class AxisScale:
    """A scale that fits some values: its transform there and back, ticks with their texts, and words for a label."""

    name: str
    there: Transform
    back: Transform
    ticks: tuple[float, ...] | None = None
    """None where matplotlib's are good."""
    text: Callable[[float], str] = rounded
    words: str = ""
    """What the label adds."""

    def limits(self, values: Sequence[float]) -> tuple[float, float]:
        """Return the ends of an axis that shows all values."""
        low, high = (float(self.there(each)) for each in (min(values), max(values)))
        pad = _PAD * (high - low) or (1.0 if self.name == "linear" else 0.3)
        return float(self.back(low - pad)), float(self.back(high + pad))

    def apart(self, values: Sequence[float], which: Literal["x", "y"] = "x") -> list[float]:
        """Return the ticks whose texts do not overlap on an axis; the last one is kept."""
        low, high = (float(self.there(each)) for each in self.limits(values))
        gap = _LEAST_GAP[which] * (high - low)
        kept: list[float] = []
        for tick in reversed(self.ticks or ()):
            place = float(self.there(tick))
            if low <= place <= high and (not kept or float(self.there(kept[-1])) - place >= gap):
                kept.append(tick)
        return kept[::-1]


def fitting_scale(name: str, quantity: Quantity, values: Sequence[float]) -> AxisScale:
    """Return a scale by its name; `auto` takes the one that fits quantity and values.

    `values` are those on the axis. A column has its ticks at its values.

    Raises:
        UnknownName: there is no such scale.
    """
    check_scale(name)
    chosen = _chosen(quantity, values) if name == "auto" else name
    top = 100.0 if quantity.info.unit == "%" else 1.0
    own = tuple(sorted(set(values))) if quantity.is_column else None
    match chosen:
        case "density":
            return _density(values, top, own)
        case "logit":
            return _logit(top)
        case "log" if max(values) > _TINY:
            return _log(values, own)
        case _:
            return AxisScale("linear", _same, _same, own, "{:g}".format)


def check_scale(name: str) -> None:
    """Check the name of a scale.

    Raises:
        UnknownName: there is no such scale.
    """
    if name not in AXIS_SCALES:
        raise UnknownName.among("scale", name, AXIS_SCALES)


def scale_words(names: Collection[str]) -> list[str]:
    """Return what a caption has to say of scales that a reader may not know."""
    return ["The logit scale spreads what is near 0 and 100 %."] if "logit" in names else []


def set_scale(axes: "Axes", which: Literal["x", "y"], scale: AxisScale, values: Sequence[float], label: str) -> None:
    """Give an axis a scale, limits around the values, ticks and a label with what the scale has to say."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    if scale.name != "linear":
        getattr(axes, f"set_{which}scale")("function", functions=(scale.there, scale.back))
    if scale.ticks is not None:
        axis.set_ticks(scale.apart(values, which))
        axis.set_ticks([], minor=True)
        axis.set_major_formatter(lambda tick, _: scale.text(tick))
    getattr(axes, f"set_{which}lim")(*scale.limits(values))  # last: ticks outside would widen them
    axis.set_label_text(f"{label}{scale.words}")


def _chosen(quantity: Quantity, values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    if quantity.is_column and quantity.name == "sparsity":
        return "density" if high >= 0.5 else "linear"
    if quantity.info.unit == "%":
        return "logit" if 0 < low < high - FAR_FROM_TOP and high < 100 else "linear"
    positive = [value for value in values if value > 0]
    if low < 0 or not positive or (low == 0 and not quantity.is_column):
        return "linear"
    return "log" if high >= MANY * min(positive) else "linear"


def _same(x: Any) -> Any:
    return x


def _density(values: Sequence[float], top: float, own: tuple[float, ...] | None) -> AxisScale:
    left = [1 - value / top for value in values if value < top]
    least = min([*left, 1.0]) / 3

    def there(x: Any) -> Any:
        rest = 1 - np.asarray(x, dtype=float) / top
        return -np.log10(np.where(rest > 0, rest, least))

    def back(y: Any) -> Any:
        return top * (1 - 10.0 ** -np.asarray(y))

    decades = range(0, -8, -1)
    sets = [[top * (1 - step * 10.0**power) for power in decades for step in steps] for steps in _LEFT_STEPS]
    ticks = own or _enough(sets, values)
    return AxisScale(
        "density", there, back, ticks, lambda x: percent(round(x / top, 9)), " (log scale of what is left)"
    )


def _logit(top: float) -> AxisScale:
    def there(x: Any) -> Any:
        return special.logit(np.clip(np.asarray(x) / top, 1e-5, 1 - 1e-5))

    def back(y: Any) -> Any:
        return top * special.expit(y)

    ticks = tuple(tick * top / 100 for tick in LOGIT_TICKS)
    return AxisScale("logit", there, back, ticks, words=", logit scale")


def _log(values: Sequence[float], own: tuple[float, ...] | None) -> AxisScale:
    """Return a logarithmic scale; zero, if there is one, stands apart at its left end."""
    least = min(value for value in values if value > _TINY)
    floor = least / 30

    def there(x: Any) -> Any:
        x = np.asarray(x, dtype=float)
        return np.log10(np.where(x > _TINY, x, floor))

    def back(y: Any) -> Any:
        return 10.0 ** np.asarray(y)

    powers = range(int(np.floor(np.log10(least))) - 1, int(np.ceil(np.log10(max(values)))) + 1)
    sets = [[step * 10.0**power for power in powers for step in steps] for steps in _LOG_STEPS]
    ticks = own or _enough(sets, values)
    return AxisScale("log", there, back, ticks, _with_power, "" if own else ", log scale")


def _with_power(x: float) -> str:
    """Return a number, a large or tiny one with a power of ten.

    >>> _with_power(0.003), _with_power(14.0), _with_power(1e6), _with_power(1.5e-5)
    ('0.003', '14', '10⁶', '1.5·10⁻⁵')
    """
    if x == 0 or 1e-4 <= abs(x) < 1e5:
        return f"{x:g}"
    mantissa, _, power = f"{x:e}".partition("e")
    factor = "" if float(mantissa) == 1 else f"{float(mantissa):g}·"
    return f"{factor}10{str(int(power)).translate(_SUPERSCRIPTS)}"


def _enough(sets: Sequence[Sequence[float]], values: Sequence[float]) -> tuple[float, ...]:
    """Return the first set of ticks with enough among the values; evenly spaced ones where none has."""
    low, high = min(values), max(values)
    for ticks in sets:
        if sum(low <= tick <= high for tick in ticks) >= _ENOUGH:
            return tuple(sorted(ticks))
    rough = max((high - low) / _ENOUGH or abs(high) or 1.0, _FINEST)
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(each * power for each in (1, 2, 5, 10, 20) if each * power >= rough)
    return tuple(float(round(place * step, 12)) for place in range(int(low // step) - 1, int(high // step) + 2))
