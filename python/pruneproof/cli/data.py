"""`repro data`: list, fetch and fingerprint data sets."""

from typing import Annotated

import typer

from pruneproof.cli.options import DataOption, JsonOption, print_json
from pruneproof.cli.output import owns_stdout, say
from pruneproof.contracts.dataset import DataSet
from pruneproof.errors import BadPlugin, DataCorrupt, DataMissing
from pruneproof.runs.places import data_path

app = typer.Typer(help="List, fetch and fingerprint data sets.", no_args_is_help=True, rich_markup_mode=None)
Name = Annotated[str, typer.Argument(metavar="DATASET", help="Data set id, e.g. cifar10.")]


@app.command("list")
@owns_stdout
def list_data(data_dir: DataOption = None, json: JsonOption = False) -> None:
    """List data sets, where they come from, and whether they are on this machine."""
    from pruneproof.registry.catalog import blame_plugin, survey

    root = data_path(data_dir)
    rows = []
    for entry in survey(of=[DataSet]).catalog.entries(DataSet).values():
        data = entry.value
        try:
            with blame_plugin(entry):
                data.load(root)
            status = "embedded" if data.embedded else "found"
        except BadPlugin as problem:
            status = f"broken: {problem}"
        except DataMissing:
            status = "missing; can be fetched" if data.fetch else "missing; must be obtained by hand"
        except DataCorrupt:
            status = "damaged; replace its files"
        rows.append(
            {"id": data.id, "status": status, "about": data.about, "license": data.license, "source": str(data.source)}
        )
    if json:
        print_json({"root": str(root), "data": rows})
        return
    say(f"data folder: {root}")
    for row in rows:
        say(f"{row['id']:16} {row['status']:34} {row['about']}")


@app.command()
@owns_stdout
def fetch(name: Name, data_dir: DataOption = None, json: JsonOption = False) -> None:
    """Download a data set and check it."""
    from pruneproof.registry.catalog import blame_plugin, survey

    root = data_path(data_dir)
    entry = survey(of=[DataSet]).catalog.entry(DataSet, name)
    with blame_plugin(entry):
        if entry.value.fetch is not None:
            entry.value.fetch(root)
        found = entry.value.load(root).fingerprint
    _print_fingerprint(name, found, str(root), json=json)


@app.command()
@owns_stdout
def fingerprint(name: Name, data_dir: DataOption = None, json: JsonOption = False) -> None:
    """Print the digest of what training would see of a data set."""
    from pruneproof.registry.catalog import blame_plugin, survey

    root = data_path(data_dir)
    entry = survey(of=[DataSet]).catalog.entry(DataSet, name)
    with blame_plugin(entry):
        found = entry.value.load(root).fingerprint
    _print_fingerprint(name, found, str(root), json=json)


def _print_fingerprint(name: str, digest: str, root: str, *, json: bool) -> None:
    if json:
        print_json({"id": name, "fingerprint": digest, "root": root})
    else:
        say(f"{name}  {digest}  ({root})")
