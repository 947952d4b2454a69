"""Names of a state dict without what wrappers put in front of them."""

from collections.abc import Collection, Iterable

WRAPPERS = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
"""torch.compile, FullyShardedDataParallel, checkpointed activations; no module of one's own has such a name."""
_AVERAGED = "n_averaged"
"""What AveragedModel counts, beside its `module`."""


def unwrapped(names: Iterable[str]) -> dict[str, str]:
    """Return name -> name in the model that was wrapped; what a wrapper counts for itself is left out.

    `module.` is that of a wrapper (DataParallel, DistributedDataParallel, AveragedModel) where all names begin with it.

    >>> unwrapped(["n_averaged", "module.fc._orig_mod.weight", "module.fc.bias"])
    {'module.fc._orig_mod.weight': 'fc.weight', 'module.fc.bias': 'fc.bias'}
    >>> unwrapped(["module.weight", "head.weight"])
    {'module.weight': 'module.weight', 'head.weight': 'head.weight'}
    """
    plain = {name: without_parts(name, WRAPPERS) for name in names}
    inner = {name: each for name, each in plain.items() if each.rpartition(".")[2] != _AVERAGED}
    while inner and all(each.startswith("module.") for each in inner.values()):
        inner = {name: each.removeprefix("module.") for name, each in inner.items()}
        plain = inner
    return plain if len(set(plain.values())) == len(plain) else {name: name for name in plain}


def without_parts(name: str, parts: Collection[str]) -> str:
    """Return a dotted name without some of its parts, wherever they stand.

    >>> without_parts("module.fc._orig_mod.weight", WRAPPERS)
    'module.fc.weight'
    """
    return ".".join(part for part in name.split(".") if part not in parts)
