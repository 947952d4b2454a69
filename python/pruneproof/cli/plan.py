"""`repro plan PAPER`: the resolved DAG, what is cached and what would run. Touches nothing."""

from collections.abc import Container

from pruneproof.cli.options import (
    DataOption,
    Device,
    DeviceOption,
    JsonOption,
    NumericsOption,
    OnlyOption,
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
from pruneproof.runs.places import data_path, store_path


def plan(
    paper: Paper,
    profile: ProfileOption = "mini",
    seeds: SeedsOption = None,
    device: DeviceOption = Device.AUTO,
    numerics: NumericsOption = None,
    only: OnlyOption = None,
    settings: SetOption = None,
    with_: WithOption = None,
    plugin: PluginOption = None,
    store: StoreOption = None,
    data_dir: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Show the stages of a run, which are finished and which would run; touches nothing."""
    from pruneproof.pipeline.prepare import Request, prepare
    from pruneproof.pipeline.undecidable import undecidable
    from pruneproof.report.figures import try_figures

    request = Request(
        paper=paper,
        profile=profile,
        store=store_path(store),
        data=data_path(data_dir),
        seeds=parse_seeds(seeds),
        device=device.value,
        numerics=numerics,
        only=tuple(only or ()),
        settings=tuple(settings or ()),
        added=tuple(with_ or ()),
        files=tuple(plugin or ()),
    )
    prepared = prepare(request, fetch=False, log=tell)
    try_figures(prepared.paper, prepared.catalog)
    stages = prepared.plan.stages
    waiting = set(prepared.todo)
    if json:
        print_json(
            {
                "paper": prepared.plan.paper,
                "profile": prepared.plan.profile,
                "device": prepared.device,
                "numerics": prepared.numerics.id,
                "plan": prepared.plan.digest,
                "missing": dict(prepared.missing),
                "stages": [
                    {
                        "digest": digest,
                        "kind": stage.kind,
                        "label": stage.label,
                        "status": _status(digest, prepared.finished, waiting),
                        "upstream": stage.upstream,
                        "inputs": stage.inputs,
                    }
                    for digest, stage in stages.items()
                ],
                "cells": [vars(cell) for cell in prepared.plan.cells],
            }
        )
        return
    for digest, stage in stages.items():
        needs = " ".join(f"{role}={each[:8]}" for role, each in stage.upstream.items())
        status = _status(digest, prepared.finished, waiting)
        say(f"{status:8} {digest[:8]} {stage.kind:9} {stage.label}  {needs}".rstrip())
    epochs = sum(stages[digest].epochs for digest in waiting)
    say(
        f"\n{prepared.plan.paper} at {prepared.plan.profile} on {prepared.device}, numerics {prepared.numerics.id}: "
        f"{len(stages)} stages, {len(prepared.finished)} finished, {len(waiting)} to run ({epochs} epochs). "
        f"Plan {prepared.plan.digest[:16]}."
    )
    for reason in prepared.missing.values():
        say(f"missing: {reason}")
    by_need: dict[tuple[int, int], list[str]] = {}
    for claim, need in undecidable(prepared.paper, prepared.plan, prepared.catalog).items():
        by_need.setdefault(need, []).append(claim)
    for (planned, needed), claims in by_need.items():
        plural = "s" if len(claims) != 1 else ""
        say(f"{planned} seeds decide nothing, {needed} may: {len(claims)} claim{plural} ({', '.join(claims)})")


def _status(digest: str, finished: Container[str], waiting: Container[str]) -> str:
    if digest in waiting:
        return "to run"
    return "finished" if digest in finished else "skipped"
