"""`repro prune FILE`: prune a safetensors checkpoint of any size without loading it."""

import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pruneproof.cli.options import JsonOption, print_json, to_path
from pruneproof.cli.output import say, tell
from pruneproof.errors import BadOption

if TYPE_CHECKING:
    from pruneproof.checkpoints.prune import Pruned
    from pruneproof.contracts.selection import Selection

MOST_NAMED = 3
"""Tensors of one kind that the summary names."""


def prune(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A .safetensors file, the .safetensors.index.json of a sharded one, or a model's folder.",
            parser=to_path,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            help="The file to write; a folder if the checkpoint is sharded or a folder.",
            parser=to_path,
        ),
    ] = None,
    criterion: Annotated[
        str, typer.Option("--criterion", help="What is pruned first. Only magnitude needs no data.")
    ] = ("magnitude"),
    sparsity: Annotated[float | None, typer.Option("--sparsity", help="Fraction of the weights to remove.")] = None,
    keep: Annotated[int | None, typer.Option("--keep", metavar="N", help="Number of weights to keep instead.")] = None,
    scope: Annotated[
        str,
        typer.Option(
            "--scope",
            metavar="global|tensor|row|ID",
            help="One ranking of all weights; one per tensor or per row (first dimension), all equally sparse; or an "
            "allocation such as erk, which says how many each tensor keeps.",
        ),
    ] = "global",
    structure: Annotated[
        str | None,
        typer.Option("--structure", metavar="N:M", help="Keep N of each M consecutive weights of the last dimension."),
    ] = None,
    include: Annotated[
        list[str] | None,
        typer.Option(
            "--include",
            metavar="GLOB",
            help="Prune these tensors; default: floating-point ones of two or more dimensions that are no biases, "
            "scales, masks or the like.",
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option("--exclude", metavar="GLOB", help="Leave these tensors as they are.")
    ] = None,
    count: Annotated[
        str, typer.Option("--count", metavar="RULE", help="How many a sparsity removes: exact, or a counting rule.")
    ] = "exact",
    floor: Annotated[int, typer.Option("--floor", metavar="N", help="Keep at least N weights of each tensor.")] = 0,
    mask_out: Annotated[
        Path | None,
        typer.Option("--mask-out", metavar="PATH", help="Also write the mask (pruneproof-mask/1).", parser=to_path),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing; show the threshold and what each tensor would keep.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace output files that exist.")] = False,
    json: JsonOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar, no summary.")] = False,
) -> None:
    """Prune a safetensors checkpoint of any size by magnitude, exactly, without loading it.

    The input is never altered, and the output appears whole or not at all. Dead weights become zero; everything else
    stays as it is.
    """
    if criterion != "magnitude":
        raise BadOption(
            f'--criterion "{criterion}" cannot be used here: a checkpoint holds weights and no data to compute '
            "gradients on, so only magnitude is allowed. Other criteria work in training (repro run)."
        )
    if dry_run and (output or mask_out):
        raise BadOption("--dry-run writes nothing; leave out --output and --mask-out, or --dry-run.")
    if not (dry_run or output or mask_out):
        raise BadOption("name the file to write with --output, or see what would be kept with --dry-run.")
    from pruneproof.checkpoints.prune import Request, prune_checkpoint

    request = Request(
        source=source,
        output=output,
        mask=mask_out,
        sparsity=sparsity,
        keep=keep,
        selection=_selection(scope, structure, floor, count, tuple(exclude or ())),
        include=tuple(include or ()),
        force=force,
    )
    with _bar(quiet=quiet or json) as watch:
        pruned = prune_checkpoint(request, watch)
    if pruned.doubted:
        told = "; ".join(f"{reason}: {_first(names)}" for reason, names in _by_reason(pruned.doubted).items())
        tell(f"repro: warning: --include names what is no weight, and it is pruned too: {told}")
    if json:
        print_json(_facts(source, pruned))
    elif not quiet:
        _print(pruned, table=dry_run, chosen=bool(include))


def _selection(scope: str, structure: str | None, floor: int, count: str, exclude: tuple[str, ...]) -> "Selection":
    """Return the options as one value; what they may be together is checked where the checkpoint's shapes are known."""
    from pruneproof.contracts.choice import is_id
    from pruneproof.contracts.selection import Selection

    if structure is not None and not re.fullmatch(r"[1-9]\d{0,8}:[1-9]\d{0,8}", structure):
        raise BadOption(
            f'--structure "{structure}" is not understood. Write N:M, e.g. 2:4 to keep 2 of each 4 consecutive weights.'
        )
    if structure is not None and scope != "global":
        raise BadOption("--structure says how much is kept and where; leave out --scope.")
    if floor < 0:
        raise BadOption(f"--floor {floor} is negative; a number of weights was expected.")
    if floor and (structure is not None or scope == "row"):
        raise BadOption("--floor speaks of tensors; rows and structures fix each group's count. Leave out --floor.")
    for option, name in (("scope", scope), ("count", count)):
        if not is_id(name):
            raise BadOption(f'--{option} "{name}" cannot be a name: lower-case words with hyphens were expected.')
    return Selection.model_validate(
        {"scope": scope, "structure": structure or "weight", "count": count, "unprunable": exclude}
        | ({"floor": {"id": "count", "least": floor}} if floor else {})
    )


@contextmanager
def _bar(*, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Show on stderr how many bytes are done."""
    if quiet or not sys.stderr.isatty():
        yield lambda what, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks = {}

        def watch(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what)
            bars.update(tasks[what], completed=done, total=total)

        yield watch


def _facts(source: Path, pruned: "Pruned") -> dict[str, object]:
    return {
        "source": str(source),
        "written": [str(path) for path in pruned.written],
        "weights": pruned.size,
        "alive": pruned.count,
        "sparsity": 1.0 - pruned.count / pruned.size,
        "threshold": pruned.threshold,
        "tensors": [
            {
                "name": weight.name,
                "shape": weight.shape,
                "dtype": weight.dtype,
                "size": weight.size,
                "alive": pruned.alive[weight.name],
                "density": _density(pruned.alive[weight.name], weight.size),
            }
            for weight in pruned.weights
        ],
        "left_out": _reasoned(pruned, pruned.left_out),
        "doubted": _reasoned(pruned, pruned.doubted),
    }


def _reasoned(pruned: "Pruned", reasons: Mapping[str, str]) -> list[dict[str, object]]:
    return [{"name": name, "shape": pruned.shapes[name], "reason": reason} for name, reason in reasons.items()]


def _density(alive: int, size: int) -> float:
    return alive / size if size else 1.0


def _print(pruned: "Pruned", *, table: bool, chosen: bool) -> None:
    if table:
        width = max(len(weight.name) for weight in pruned.weights)
        say(f"{'tensor':{width}}  {'dtype':5} {'shape':>20} {'weights':>14} {'alive':>14}  density")
        for weight in pruned.weights:
            alive = pruned.alive[weight.name]
            shape = "x".join(map(str, weight.shape))
            density = _density(alive, weight.size)
            say(f"{weight.name:{width}}  {weight.dtype:5} {shape:>20} {weight.size:14} {alive:14}  {density:7.4f}")
        if pruned.left_out:
            say("\nleft as they are:")
            for name, reason in pruned.left_out.items():
                say(f"{name:{width}}  {reason}")
        say()
    threshold = "" if pruned.threshold is None else f", threshold {pruned.threshold:.9g}"
    say(
        f"{pruned.count} of {pruned.size} weights alive (sparsity {1.0 - pruned.count / pruned.size:.6g}) "
        f"in {len(pruned.weights)} of {pruned.tensors} tensors{threshold}"
    )
    if not table:
        _print_doubts(pruned, chosen=chosen)
    for path in pruned.written:
        say(f"written: {path}")


def _print_doubts(pruned: "Pruned", *, chosen: bool) -> None:
    """Name what was taken for a weight, and what was not, where somebody could think otherwise."""
    from pruneproof.values.no_weights import named_as_weight

    by_reason = _by_reason(
        {
            name: reason
            for name, reason in pruned.left_out.items()
            if len(pruned.shapes[name]) >= 2 and not reason.startswith("matched by")
        }
    )
    if by_reason:
        say("left as they are (--dry-run lists all, --include prunes them):")
    for reason, names in by_reason.items():
        say(f"  {reason}: {_first(names)}")
    unnamed = [weight.name for weight in pruned.weights if not named_as_weight(weight.name)]
    if unnamed and not chosen:
        say(f"pruned, though the names do not say weight (--exclude leaves them): {_first(unnamed)}")


def _by_reason(reasons: Mapping[str, str]) -> dict[str, list[str]]:
    found = defaultdict(list)
    for name, reason in reasons.items():
        found[reason].append(name)
    return dict(found)


def _first(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
