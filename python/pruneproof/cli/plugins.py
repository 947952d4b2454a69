"""`repro plugins`: what is installed, what it registers, and from where."""

from pruneproof.cli.options import JsonOption, print_json


def plugins(json: JsonOption = False) -> int:
    """List installed plugins: name, version, what each registers and from which file.

    Exit status: 0 all can be used, 69 one is broken.
    """
    from pruneproof.errors import BadPlugin, NameClash
    from pruneproof.registry.catalog import KINDS, index
    from pruneproof.registry.manager import Loaded, Plugin, load

    loaded = load()
    broken = {plugin.name: (plugin, reason) for plugin, reason in loaded.broken}
    usable: list[Plugin] = []
    for plugin in loaded.plugins:
        try:
            catalog = index(Loaded(loaded.manager, (*usable, plugin)))
            usable.append(plugin)
        except (BadPlugin, NameClash) as problem:
            broken[plugin.name] = (plugin, str(problem))
    catalog = index(Loaded(loaded.manager, tuple(usable)))
    registered = {
        plugin.name: {
            kind: {
                entry.id: entry.where for entry in catalog.entries(kind).values() if entry.plugin.name == plugin.name
            }
            for kind in KINDS
        }
        for plugin in usable
    }
    if json:
        print_json(
            [vars(plugin) | {"registers": registered[plugin.name]} for plugin in usable]
            + [vars(plugin) | {"broken": reason} for plugin, reason in broken.values()]
        )
        return BadPlugin.status if broken else 0
    for plugin in usable:
        print(f"{plugin.name}  {plugin.distribution} {plugin.version}  ({plugin.target})")
        for kind, ids in registered[plugin.name].items():
            if ids:
                print(f"    {kind}: {', '.join(ids)}")
    for plugin, reason in broken.values():
        print(f"{plugin.name}  {plugin.distribution} {plugin.version}  BROKEN: {reason}")
    return BadPlugin.status if broken else 0
