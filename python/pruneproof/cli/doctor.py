"""`repro doctor`: versions, engine build, threads, GPU, data and store."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from pruneproof.api import DataSet
from pruneproof.cli.options import DataOption, JsonOption, StoreOption, print_json
from pruneproof.cli.output import say
from pruneproof.contracts.numerics import NUMERICS
from pruneproof.errors import BadPlugin, DataCorrupt, DataMissing, StoreUnwritable
from pruneproof.runs.places import data_path, store_path

OURS = "repro"

if TYPE_CHECKING:
    from pruneproof.registry.catalog import Entry


def doctor(store: StoreOption = None, data_dir: DataOption = None, json: JsonOption = False) -> int:
    """Show what a run would find here: versions, engine build, threads, GPU, data sets, store.

    Exit status: 0 all is well, 73 the store cannot be written, 69 a plugin is broken.
    """
    import torch

    from pruneproof.pipeline.environment import choose_device, describe_environment
    from pruneproof.pipeline.numerics import obstacle, reach
    from pruneproof.pipeline.store import Store
    from pruneproof.registry.catalog import build_catalog, survey

    root, data = store_path(store), data_path(data_dir)
    status = 0
    found: dict[str, object] = describe_environment(choose_device("auto"))
    found["numerics classes"] = {
        each.id: f"no: {why}" if (why := obstacle(each, "cpu")) else f"yes: {each.about}" for each in NUMERICS.values()
    }
    found["reproduces bit for bit"] = reach()
    found["threads"] = torch.get_num_threads()
    found["gpus"] = [torch.cuda.get_device_name(each) for each in range(torch.cuda.device_count())]
    found["command"] = _command()
    found["data folder"] = str(data)
    found["data"] = {
        name: _data_status(entry, data)
        for name, entry in build_catalog(["builtin"], of=[DataSet]).entries(DataSet).items()
    }
    try:
        Store(root).prepare()
        found["store"] = f"{root} (writable)"
    except StoreUnwritable as problem:
        found["store"] = str(problem)
        status = StoreUnwritable.status
    broken = survey().broken
    found["broken plugins"] = {plugin.name: reason for plugin, reason in broken}
    if json:
        print_json(found)
    else:
        for name, value in found.items():
            if isinstance(value, dict):
                say(f"{name}:" if value else f"{name}: none")
                for key, each in value.items():
                    say(f"    {key}: {each}")
            elif isinstance(value, list) and value:
                say(f"{name}:", *value, sep="\n    ")
            else:
                say(f"{name}: {value if value != [] else 'none'}")
    return status or (BadPlugin.status if broken else 0)


def _command() -> str:
    """Say what `repro` on the path is; two other packages install a command of that name."""
    path = shutil.which(OURS)
    try:
        is_ours = path is not None and b"pruneproof" in Path(path).read_bytes()
    except OSError:
        is_ours = False
    if is_ours:
        return str(path)
    where = f"{path} belongs to another package" if path else f"there is no {OURS} on the path"
    return f"{where}; `pruneproof` is the same command"


def _data_status(entry: "Entry[DataSet]", root: Path) -> str:
    from pruneproof.registry.catalog import blame_plugin

    try:
        with blame_plugin(entry):
            return "found, fingerprint " + entry.value.load(root).fingerprint[:16]
    except DataMissing:
        return "missing"
    except (DataCorrupt, BadPlugin) as problem:
        return str(problem)
