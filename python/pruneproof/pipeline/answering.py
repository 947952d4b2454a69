"""Who answers for what a stage raises, or leaves changed around it: the stage, and the plugin behind it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from safetensors import SafetensorError

from pruneproof.contracts.dataset import DataSet
from pruneproof.contracts.model import Model
from pruneproof.errors import BadPlugin, PruneproofError, StageFailed
from pruneproof.pipeline.plan import Stage
from pruneproof.registry.blame import Frame, culprit, in_network, kept_traceback, said
from pruneproof.registry.catalog import Catalog, Entry
from pruneproof.values.surroundings import changes, kept, settings


@contextmanager
def answering_for(stage: Stage, catalog: Catalog) -> Iterator[None]:
    """Turn whatever a stage raises into one message that names the stage and whose code it is; keep its surroundings.

    Raises:
        BadPlugin: code of a plugin raised, or changed a setting that decides what torch computes.
        StageFailed: memory ran out, or our own code raised.
        OSError: the system refused to write.
    """
    label = f'stage "{stage.label}"'
    before = settings()
    with kept():
        try:
            yield
            changed = changes(before)
        except BadPlugin as problem:
            raise BadPlugin(f"{label}: {problem}") from problem.__cause__
        except PruneproofError:
            raise
        except (MemoryError, torch.OutOfMemoryError) as problem:
            raise StageFailed(
                f"{label} ran out of memory ({said(problem)}). Finished stages and epochs are kept: run the same "
                f"command again with more of it. {kept_traceback(problem)}"
            ) from problem
        except (Exception, SystemExit) as problem:
            whose = _whose(problem, stage, catalog)
            if whose is None and isinstance(problem, OSError | SafetensorError):
                raise
            hook = f" (hook {whose.hook})" if isinstance(whose, Entry) else ""
            because = f", after a change of {', '.join(changed)}" if (changed := changes(before)) else ""
            trace = kept_traceback(problem)
            if whose is None:
                raise StageFailed(f"{label} raised {said(problem)}. Report it with the traceback. {trace}") from problem
            raise BadPlugin(
                f"{label}: {whose} raised {said(problem)}{hook}{because}. Repair it there. {trace}"
            ) from problem
    if changed:
        strangers = " or ".join(map(str, _strangers(stage, catalog))) or "something in it"
        raise BadPlugin(
            f"{label}: {strangers} changed {', '.join(changed)}, on which all results depend. Put it back where it is "
            "changed, or leave it as it is."
        )


def _whose(problem: BaseException, stage: Stage, catalog: Catalog) -> Entry[Any] | Frame | None:
    """Return the registered value whose code raised: by its lines, or as the network or the data that was at work."""
    entries = catalog.named(_ids(stage.inputs))
    frame = culprit(problem)
    if frame is not None:
        own = [each for each in entries if each.plugin == frame.plugin]
        here = [each for each in own if each.where.rpartition(":")[0] == frame.file] or own
        return here[0] if len(here) == 1 else frame
    if in_network(problem):
        return next((each for each in entries if isinstance(each.value, Model)), None)
    return None


def _strangers(stage: Stage, catalog: Catalog) -> list[Entry[Any]]:
    """Return the models and data sets of a stage that are not built in: what runs unwatched while a network trains."""
    return [
        each
        for each in catalog.named(_ids(stage.inputs))
        if each.plugin.name != "builtin" and isinstance(each.value, Model | DataSet)
    ]


def _ids(inputs: Any) -> list[str]:
    """Return the ids of everything that the inputs of a stage name."""
    if isinstance(inputs, dict):
        own = [inputs["id"]] if isinstance(inputs.get("id"), str) else []
        return own + [name for each in inputs.values() for name in _ids(each)]
    if isinstance(inputs, list | tuple):
        return [name for each in inputs for name in _ids(each)]
    return []
