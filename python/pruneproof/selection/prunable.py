"""Which of the named tensors are pruned."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from pruneproof.errors import BadConfig


def prunable(names: Iterable[str], unprunable: Sequence[str]) -> list[str]:
    """Return the names, in their order, that match none of the glob patterns `unprunable`.

    >>> prunable(["fc1.weight", "fc2.weight"], ["fc2.*"])
    ['fc1.weight']

    Raises:
        BadConfig: a pattern that matches no name.
    """
    names = list(names)
    patterns = (unprunable,) if isinstance(unprunable, str) else unprunable
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise BadConfig(f'the unprunable pattern "{pattern}" matches none of {", ".join(sorted(names))}.')
    if not patterns:
        return names
    return [name for name in names if not any(fnmatchcase(name, pattern) for pattern in patterns)]
