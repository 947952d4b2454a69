"""`repro data`: list, fetch and fingerprint data sets."""

from typing import Annotated

import typer

from pruneproof.cli.options import DataOption, JsonOption, data_path, print_json
from pruneproof.contracts.dataset import DataSet
from pruneproof.errors import DataCorrupt, DataMissing

app = typer.Typer(help="List, fetch and fingerprint data sets.", no_args_is_help=True, rich_markup_mode=None)
Name = Annotated[str, typer.Argument(metavar="DATASET", help="Data set id, e.g. cifar10.")]


@app.command("list")
def list_data(data_dir: DataOption = None, json: JsonOption = False) -> None:
    """List data sets, where they come from, and whether they are on this machine."""
    from pruneproof.registry.catalog import survey

    root = data_path(data_dir)
    rows = []
    for entry in survey(of=[DataSet]).catalog.entries(DataSet).values():
        data = entry.value
        try:
            data.load(root)
            status = "embedded" if data.embedded else "found"
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
    print(f"data folder: {root}")
    for row in rows:
        print(f"{row['id']:16} {row['status']:34} {row['about']}")


@app.command()
def fetch(name: Name, data_dir: DataOption = None, json: JsonOption = False) -> None:
    """Download a data set and check it."""
    from pruneproof.registry.catalog import survey

    root = data_path(data_dir)
    data = survey(of=[DataSet]).catalog.get(DataSet, name)
    if data.fetch is not None:
        data.fetch(root)
    _print_fingerprint(name, data.load(root).fingerprint, str(root), json=json)


@app.command()
def fingerprint(name: Name, data_dir: DataOption = None, json: JsonOption = False) -> None:
    """Print the digest of what training would see of a data set."""
    from pruneproof.registry.catalog import survey

    root = data_path(data_dir)
    data = survey(of=[DataSet]).catalog.get(DataSet, name)
    _print_fingerprint(name, data.load(root).fingerprint, str(root), json=json)


def _print_fingerprint(name: str, digest: str, root: str, *, json: bool) -> None:
    if json:
        print_json({"id": name, "fingerprint": digest, "root": root})
    else:
        print(f"{name}  {digest}  ({root})")
