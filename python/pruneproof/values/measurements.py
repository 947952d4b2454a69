"""`Measurement`: what one stage measured on one network, as plain JSON values by metric."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from pruneproof.errors import BadPlugin, StoreCorrupt
from pruneproof.values.digests import digest_json

LARGEST_INTEGER = 2**63 - 1
"""Of records and tables: what 64 bits hold."""


class Measurement(Mapping[str, Any]):
    """A frozen mapping from metric id to value.

    A value is a number, true or false, text, None where there is no such number, a list of numbers, or a mapping from
    tensor to one of these. Infinite numbers and NaN are None.

    >>> found = Measurement({"accuracy": 97.5, "loss": float("nan"), "densities": {"fc1.weight": 0.1}})
    >>> found["accuracy"], found["loss"], found["densities"]["fc1.weight"]
    (97.5, None, 0.1)
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        """Take metric -> value.

        Raises:
            BadPlugin: a value that is none of these; the message names the metric.
        """
        self._values = {metric: _plain(value, metric) for metric, value in values.items()}

    def __getitem__(self, metric: str) -> Any:
        return self._values[metric]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Measurement({self._values})"

    def number(self, metric: str) -> float | None:
        """Return a value as a number, true as 1; None where there is none, or where it is no single number.

        >>> Measurement({"constant-output": True}).number("constant-output")
        1.0
        """
        value = self._values.get(metric)
        return float(value) if isinstance(value, int | float) else None

    def to_json(self) -> dict[str, Any]:
        """Return the values by metric, as JSON."""
        return dict(self._values)

    @classmethod
    def from_json(cls, content: object) -> "Measurement":
        """Rebuild a measurement.

        Raises:
            StoreCorrupt: it is no mapping from metric to value.
        """
        if not isinstance(content, Mapping) or not all(isinstance(metric, str) for metric in content):
            raise StoreCorrupt(f"a measurement is {content!r:.80}; a mapping from metric to value was expected.")
        try:
            return cls(content)
        except (BadPlugin, RecursionError) as problem:
            raise StoreCorrupt(f"a measurement cannot be read: {problem}") from problem

    def digest(self) -> str:
        """Return the digest of all values."""
        return digest_json(self._values)


def _plain(value: Any, metric: str) -> Any:
    """Return a value as JSON knows it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, metric)
    if isinstance(value, Mapping):
        return {_text(str(name), metric): _plain(each, metric) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, metric) for each in value]
    if hasattr(value, "tolist"):  # numpy and torch numbers and arrays
        return _plain(value.tolist(), metric)
    if isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise BadPlugin(f'metric "{metric}" answered a whole number beyond 64 bits. Answer with a float.')
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    raise BadPlugin(
        f'metric "{metric}" answered {value!r:.60} of type {type(value).__name__}; a number, true or false, text, '
        "None, a list of numbers or a mapping from tensor to one of these was expected."
    )


def _text(text: str, metric: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadPlugin(
            f'metric "{metric}" answered the text {text!a:.60}, of which a part is no character. Answer with text that '
            "UTF-8 can write."
        ) from None
    return text
