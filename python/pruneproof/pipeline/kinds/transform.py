"""`transform`: a change of the mask or the weights between two steps."""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from pruneproof.contracts.functions import ingredients
from pruneproof.contracts.transform import Transform, Transformed
from pruneproof.errors import BadPlugin
from pruneproof.pipeline.kinds.table import WEIGHTS
from pruneproof.pipeline.network import Network, build, open_network
from pruneproof.pipeline.worker import Task
from pruneproof.registry.catalog import blame_plugin
from pruneproof.training.checkpoint import save_tensors
from pruneproof.training.seeding import seeded, stream
from pruneproof.values.masks import MaskSet


def run(task: Task) -> list[str]:
    """Apply the transform and save what it does not promise to keep."""
    written, network = task.inputs["transform"], open_network(task)
    entry = task.catalog.entry(Transform, written["id"])
    more = [task.inputs["round"]] if "round" in task.inputs else []
    occasion = "-".join([written["id"], *map(str, more)])
    rng = stream(task.inputs["seed"], "transform", written["id"], *more)
    given: dict[str, Callable[[], Any]] = {
        "weights": network.weights,
        "alive": network.alive,
        "state": lambda: {name: each.clone() for name, each in network.module.state_dict().items()},
        "fresh": lambda: build(task, again=occasion)[0].to(task.inputs["device"]).state_dict(),
        "rng": lambda: rng,
    }
    with blame_plugin(entry), seeded(rng.initial_seed()):
        asked = ingredients(entry.value.transform)
        answer = entry.value.transform(*(given[name]() for name in asked), **written["options"])
    if not isinstance(answer, Transformed):
        raise BadPlugin(f'transform "{written["id"]}" answered {type(answer).__name__}; Transformed was expected.')
    return _save(task, network, answer, entry.value)


def _save(task: Task, network: Network, answer: Transformed, transform: Transform) -> list[str]:
    outputs = []
    masks = _masks(network, answer.alive, transform)
    if network.masks is not None and "mask" not in transform.keeps:
        assert masks is not None
        outputs.append(task.write_mask(masks))
    elif answer.alive is not None:
        raise BadPlugin(
            f'transform "{transform.id}" changes the mask, although it promises to keep it, or where there is none.'
        )
    if "weights" not in transform.keeps:
        state = network.module.state_dict()
        _check_state(answer.state or {}, state, transform.id)
        with torch.no_grad():
            for name, value in (answer.state or {}).items():
                state[name].copy_(value)
        if masks is not None:
            masks.apply_(network.module)
        save_tensors(task.draft / WEIGHTS.file, network.module.state_dict(), {})
        outputs.append(WEIGHTS.file)
    elif answer.state:
        raise BadPlugin(f'transform "{transform.id}" changes weights, although it promises to keep them.')
    return outputs


def _masks(network: Network, alive: Mapping[str, torch.Tensor] | None, transform: Transform) -> MaskSet | None:
    if alive is None or network.masks is None:
        return network.masks
    label = f'transform "{transform.id}"'
    expected = {name: (tuple(each.shape), torch.bool) for name, each in network.weights().items()}
    if {name: (tuple(each.shape), each.dtype) for name, each in alive.items()} != expected:
        raise BadPlugin(f"{label} answered masks that are not bool or of other names or shapes than {expected}.")
    changed = MaskSet.from_tensors(alive)
    before = network.masks.only(changed)
    if "counts" in transform.keeps and any(changed.count(name) != before.count(name) for name in changed):
        raise BadPlugin(f"{label} changes the number of alive weights of a tensor, although it promises to keep it.")
    if "total" in transform.keeps and changed.count() != before.count():
        raise BadPlugin(f"{label} changes the number of alive weights, although it promises to keep it.")
    others = {name: network.masks.packed(name) for name in network.masks if name not in changed}
    return MaskSet({**{name: changed.packed(name) for name in changed}, **others}, dict(network.masks.shapes))


def _check_state(found: Mapping[str, torch.Tensor], known: Mapping[str, torch.Tensor], label: str) -> None:
    for name, value in found.items():
        if name not in known or value.shape != known[name].shape:
            shape = tuple(known[name].shape) if name in known else "absent"
            raise BadPlugin(
                f'transform "{label}" sets "{name}" to shape {tuple(value.shape)}; the network has {shape}.'
            )
