"""What only the numbers of a tensor tell: whether it is a mask or a constant."""

from collections.abc import Collection

from pruneproof.checkpoints.source import Source
from pruneproof.errors import DataCorrupt
from pruneproof.values.no_weights import holds_two_values


def of_two_values(source: Source, names: Collection[str]) -> list[str]:
    """Return those of the tensors that hold at most two values; of others little more is read than their first row."""
    if not names:
        return []
    from safetensors import SafetensorError, safe_open

    found = []
    for name, _, shape, file in source.opened.tensors:
        if name in names and 0 not in shape:
            try:
                with safe_open(source.paths[file], framework="pt") as opened:
                    if holds_two_values(opened.get_slice(name), shape):
                        found.append(name)
            except (SafetensorError, OSError) as problem:
                raise DataCorrupt(f'"{name}" in {source.paths[file]} cannot be read: {problem}.') from problem
    return found
