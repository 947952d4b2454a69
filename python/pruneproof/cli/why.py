"""`repro why PAPER STAGE`: what makes a planned stage run, against the most similar one of the store."""

from typing import Annotated

import typer

from pruneproof.cli.options import (
    DataOption,
    Device,
    DeviceOption,
    JsonOption,
    NumericsOption,
    Paper,
    PluginOption,
    ProfileOption,
    SeedsOption,
    SetOption,
    StoreOption,
    WithOption,
    parse_seeds,
    print_json,
)
from pruneproof.cli.output import say, tell
from pruneproof.errors import BadOption, UnknownName
from pruneproof.runs.places import data_path, store_path


def why(
    paper: Paper,
    stage: Annotated[str, typer.Argument(metavar="STAGE", help="First digits of its digest, as `repro plan` prints.")],
    profile: ProfileOption = "mini",
    seeds: SeedsOption = None,
    device: DeviceOption = Device.AUTO,
    numerics: NumericsOption = None,
    settings: SetOption = None,
    with_: WithOption = None,
    plugin: PluginOption = None,
    store: StoreOption = None,
    data_dir: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Say which input of a stage changed since the stored stage whose inputs differ least; touches nothing."""
    from pruneproof.pipeline.prepare import Request, prepare
    from pruneproof.pipeline.store import Store
    from pruneproof.pipeline.why import explain_stage

    request = Request(
        paper=paper,
        profile=profile,
        store=store_path(store),
        data=data_path(data_dir),
        seeds=parse_seeds(seeds),
        device=device.value,
        numerics=numerics,
        settings=tuple(settings or ()),
        added=tuple(with_ or ()),
        files=tuple(plugin or ()),
    )
    plan = prepare(request, fetch=False, log=tell).plan
    found = [digest for digest in plan.stages if digest.startswith(stage)]
    if not found:
        raise UnknownName.among("stage", stage, (), advice="`repro plan` with the same options prints their digests.")
    if len(found) > 1:
        raise BadOption(
            f'stage "{stage}" may be any of {len(found)}: {", ".join(each[:12] for each in found[:5])}. Write more '
            "digits of its digest, as `repro plan --json` has them."
        )
    [digest] = found
    planned, because = plan.stages[digest], explain_stage(plan, digest, Store(request.store))
    if json:
        print_json(
            {
                "digest": digest,
                "kind": planned.kind,
                "label": planned.label,
                "nearest": because.nearest,
                "nearest label": because.label,
                "changes": [vars(each) for each in because.changes],
            }
        )
        return
    say(f"{planned.kind} {digest[:8]}: {planned.label}")
    if because.nearest is None:
        say(f"runs for the first time: the store has no stage of the kind {planned.kind}")
    elif because.nearest == digest:
        say("is finished: nothing changed")
    else:
        say(f"nearest in the store: {because.nearest[:8]}, {because.label}")
        for each in because.changes:
            say(f"    {each.path}: {each.before} -> {each.now}")
