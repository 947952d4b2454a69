"""`repro mask`: look at mask files, compare them, and convert them."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pruneproof.cli.options import JsonOption, print_json, to_path
from pruneproof.cli.output import say
from pruneproof.errors import BadOption, StoreUnwritable

if TYPE_CHECKING:
    from pruneproof.values.masks import MaskSet

app = typer.Typer(help="Look at mask files, compare and convert them.", no_args_is_help=True, rich_markup_mode=None)


class Source(StrEnum):
    """How masks lie in a file that is read."""

    PRUNEPROOF = "pruneproof"
    TORCH_PRUNE = "torch-prune"
    BUFFERS = "buffers"
    MASK = "mask"
    ZEROS = "zeros"


class Target(StrEnum):
    """How masks lie in a file that is written."""

    PRUNEPROOF = "pruneproof"
    TORCH_PRUNE = "torch-prune"
    MASK = "mask"


FileArgument = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="A mask file, a checkpoint (file, index or folder), or masks in torch's format.",
        parser=to_path,
    ),
]
FromOption = Annotated[
    Source | None, typer.Option("--from", help="How the masks lie in the file; found by itself when left out.")
]
IncludeOption = Annotated[
    list[str] | None, typer.Option("--include", metavar="GLOB", help="Only tensors of such names; may be repeated.")
]


@app.command()
def info(
    file: FileArgument, source: FromOption = None, include: IncludeOption = None, json: JsonOption = False
) -> None:
    """Print size, survivors and density of each tensor, and the digests of the mask and of its parent."""
    masks, found = _read(file, source, include)
    rows: list[dict[str, Any]] = [
        {
            "name": name,
            "shape": list(masks.shapes[name]),
            "size": masks.size(name),
            "alive": masks.count(name),
            "density": masks.density(name),
        }
        for name in masks
    ]
    total = {"size": masks.size(), "alive": masks.count(), "density": masks.density()}
    facts = {"form": found, "digest": masks.digest(), "parent": masks.parent, "threshold": masks.threshold}
    if json:
        print_json({"file": str(file), **facts, **total, "tensors": rows})
        return
    shown = [{**row, "shape": "x".join(map(str, masks.shapes[row["name"]])) or "scalar"} for row in rows]
    _print_table([*shown, {"name": "all", "shape": "", **total}])
    say(f"\nread as    {found}")
    say(f"digest     {facts['digest']}")
    say(f"parent     {masks.parent or 'not known'}")
    if masks.threshold is not None:
        say(f"threshold  {masks.threshold!r}")


@app.command()
def diff(
    a: Annotated[Path, typer.Argument(metavar="A", help="One file of masks.", parser=to_path)],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another.", parser=to_path)],
    include: IncludeOption = None,
    json: JsonOption = False,
) -> None:
    """Compare two masks, tensor by tensor: what is alive in only one of them, Hamming distance, Jaccard overlap.

    What wrappers such as DistributedDataParallel put in front of names is passed over.
    """
    left, right = _read(a, None, include)[0], _read(b, None, include)[0]
    if set(left) != set(right):
        left, right = _unwrapped(left), _unwrapped(right)
    common = [name for name in left if right.shapes.get(name) == left.shapes[name]]
    first, second = left.only(common), right.only(common)
    rows = [_comparison(first, second, name) for name in common]
    total = _comparison(first, second, None)
    alone = {
        "only_in_a": [name for name in left if name not in right],
        "only_in_b": [name for name in right if name not in left],
        "of_other_shape": [name for name in left if name in right and name not in common],
    }
    relation = _relation(first, second) if not any(alone.values()) else "different tensors"
    if not common:  # and masks of nothing are all alike
        relation, total = "they share no tensor", total | {"jaccard": None}
    if json:
        print_json({"a": str(a), "b": str(b), "relation": relation, **total, "tensors": rows, **alone})
        return
    _print_table([*rows, total])
    for key, names in alone.items():
        if names:
            say(f"\n{key.replace('_', ' ')}: {', '.join(names)}")
    say(f"\nrelation: {relation}")


@app.command()
def convert(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="Any file that `repro mask info` reads.", parser=to_path)
    ],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write.", parser=to_path)],
    source_form: FromOption = None,
    target_form: Annotated[
        Target | None,
        typer.Option("--to", help="Default: pruneproof for .safetensors, mask (bool tensors) for .pt and .pth."),
    ] = None,
    include: IncludeOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")] = False,
    json: JsonOption = False,
) -> None:
    """Write masks in another form: a mask file, a torch file of bool masks, or torch pruning buffers."""
    form = target_form or _form_by_suffix(target)
    if target.exists() and (not force or target.samefile(source)):
        raise BadOption(
            f"{target} exists already. Choose another name" + ("." if force else ", or replace it with --force.")
        )
    masks, found = _read(source, source_form, include)
    try:
        _write(masks, target, form)
    except (OSError, RuntimeError) as problem:  # torch wraps the system's refusal
        raise StoreUnwritable(f"{target} cannot be written: {problem}.") from problem
    facts = {"read_as": found, "written_as": form.value, "tensors": len(masks), "digest": masks.digest()}
    if json:
        print_json({"in": str(source), "out": str(target), **facts})
        return
    say(f"{target}: {len(masks)} masks, read as {found}, written as {form.value}\ndigest {facts['digest']}")


def _read(path: Path, source: Source | None, include: list[str] | None) -> tuple["MaskSet", str]:
    from pruneproof.values.mask_import import import_masks

    return import_masks(path, form=source.value if source else None, include=tuple(include or ()))


def _write(masks: "MaskSet", path: Path, form: Target) -> None:
    import torch

    from pruneproof.values.files import replacing

    if form is Target.PRUNEPROOF:
        masks.save(path)
        return
    tensors = masks.to_tensors()
    if form is Target.TORCH_PRUNE:
        tensors = {f"{name}_mask": mask.float() for name, mask in tensors.items()}
    with replacing(path) as draft, draft.open("wb") as file:
        torch.save(tensors, file)


def _form_by_suffix(path: Path) -> Target:
    if path.suffix == ".safetensors":
        return Target.PRUNEPROOF
    if path.suffix in (".pt", ".pth"):
        return Target.MASK
    raise BadOption(
        f'the ending "{path.suffix}" of {path} says no form. Name one with --to, or end in .safetensors or .pt.'
    )


def _comparison(a: "MaskSet", b: "MaskSet", name: str | None) -> dict[str, Any]:
    hamming = a.hamming(b, name)
    surplus = a.count(name) - b.count(name)  # hamming = only_a + only_b and surplus = only_a - only_b
    return {
        "name": name or "all",
        "size": a.size(name),
        "alive_a": a.count(name),
        "alive_b": b.count(name),
        "alive_only_a": (hamming + surplus) // 2,
        "alive_only_b": (hamming - surplus) // 2,
        "hamming": hamming,
        "jaccard": a.jaccard(b, name),
    }


def _unwrapped(masks: "MaskSet") -> "MaskSet":
    """Return masks under the names of the plain model, with which those of a wrapped one can then be compared."""
    from pruneproof.values.masks import MaskSet
    from pruneproof.values.wrapped_names import unwrapped

    plain = {name: inner for inner, name in unwrapped(masks).items()}
    return MaskSet(
        {name: masks.packed(inner) for name, inner in plain.items()},
        {name: masks.shapes[inner] for name, inner in plain.items()},
    )


def _relation(a: "MaskSet", b: "MaskSet") -> str:
    below, above = a.is_subset_of(b), b.is_subset_of(a)
    if below and above:
        return "equal"
    return "a is a subset of b" if below else "b is a subset of a" if above else "neither is a subset of the other"


def _print_table(rows: list[dict[str, Any]]) -> None:
    """Print rows of equal keys in columns: text to the left, numbers to the right, fractions with six digits."""
    titles = [key.replace("_", " ") for key in rows[0]]
    cells = [[_cell(value) for value in row.values()] for row in rows]
    widths = [max(len(line[column]) for line in [titles, *cells]) for column in range(len(titles))]
    left = [isinstance(cell, str) for cell in rows[0].values()]
    for line in [titles, *cells]:
        columns = zip(line, widths, left, strict=True)
        say("  ".join(cell.ljust(width) if text else cell.rjust(width) for cell, width, text in columns).rstrip())


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6f}"
    return "-" if value is None else str(value)
