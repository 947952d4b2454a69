"""The checks that every architecture makes of what it is asked to build."""

from collections.abc import Sequence

from pruneproof.api import BadConfig


def image_shape(model: str, shape: Sequence[int], *, smallest: int, advice: str = "") -> tuple[int, int, int]:
    """Return `shape` as (channels, height, width), each side at least `smallest` pixels.

    >>> image_shape("lenet-5", (1, 28, 28), smallest=4)
    (1, 28, 28)

    Raises:
        BadConfig: the shape has another rank, a channel count below 1, or a side that is too small.
    """
    refusal = f'model "{model}" cannot be built for inputs of shape {tuple(shape)}'
    if len(shape) != 3 or min(shape) < 1:
        raise BadConfig(f"{refusal}: images of shape (channels, height, width) were expected. Use an image data set.")
    channels, height, width = shape
    if min(height, width) < smallest:
        advice = advice or "Use larger images or another model."
        raise BadConfig(f"{refusal}: sides of at least {smallest} pixels are needed. {advice}")
    return channels, height, width


def at_least(model: str, option: str, value: int, least: int) -> int:
    """Return `value` of a whole-number `option` if it is not below `least`.

    Raises:
        BadConfig: the value is no whole number or too small.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise BadConfig(f'model "{model}" has {option} = {value!r}; a whole number of at least {least} was expected.')
    return value


def one_of(model: str, option: str, value: str, allowed: Sequence[str]) -> str:
    """Return `value` of `option` if it is among `allowed`.

    Raises:
        BadConfig: it is not.
    """
    if value not in allowed:
        listed = ", ".join(f'"{each}"' for each in allowed)
        raise BadConfig(f'model "{model}" has {option} = {value!r}; allowed are {listed}.')
    return value


def fraction(model: str, option: str, value: float) -> float:
    """Return `value` of `option`, a probability in [0, 1).

    Raises:
        BadConfig: it is no number in that range.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise BadConfig(f'model "{model}" has {option} = {value!r}; a number in [0, 1) was expected.')
    return value


def scaled(model: str, channels: int, width: float) -> int:
    """Return `channels` times the width multiplier, rounded down, at least 1.

    >>> scaled("vgg-16", 64, 0.5), scaled("vgg-16", 3, 0.25)
    (32, 1)

    Raises:
        BadConfig: the multiplier is not a positive finite number.
    """
    if isinstance(width, bool) or not isinstance(width, int | float) or not 0 < width < float("inf"):
        raise BadConfig(f'model "{model}" has width = {width!r}; a positive multiplier such as 0.5 was expected.')
    return max(1, int(channels * width))
