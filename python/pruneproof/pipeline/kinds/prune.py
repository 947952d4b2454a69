"""`prune`: for each sparsity of a course, score the network under the mask so far and select."""

import torch

from pruneproof.contracts.criterion import Criterion, Scored
from pruneproof.errors import BadPlugin
from pruneproof.pipeline.kinds.table import SELECTION, WEIGHTS
from pruneproof.pipeline.network import Network, open_network
from pruneproof.pipeline.scoring import score_and_select
from pruneproof.pipeline.worker import Task
from pruneproof.registry.catalog import Entry, blame_plugin
from pruneproof.training.checkpoint import save_tensors
from pruneproof.values.masks import MaskSet


def run(task: Task) -> list[str]:
    """Save the last mask of the course, a summary of it, and the weights where the criterion changes the survivors."""
    network, course = open_network(task), task.inputs["course"]
    criterion = task.catalog.entry(Criterion, task.inputs["criterion"]["id"])
    masks, found = network.masks, Scored({})
    for step, sparsity in enumerate(course):
        task.progress(step, len(course))
        anew = step == 0 or task.inputs["revive"]
        alive = network.masks if anew else masks
        before = task.inputs.get("before") if anew else course[step - 1]
        masks, found = score_and_select(
            task, network.module, network.prunable, task.inputs, sparsity, masks, step, alive=alive, before=before
        )
        move_survivors(network, criterion, masks, found)
    assert masks is not None  # a course has at least one step
    summary = {
        "sparsity": course[-1],
        "threshold": None if masks.threshold is None else repr(masks.threshold),
        "alive": {name: masks.count(name) for name in masks},
        "digest": masks.digest(),
    }
    outputs = [task.write_mask(masks), task.write_json(SELECTION.file, summary)]
    if found.update is not None:
        save_tensors(task.draft / WEIGHTS.file, network.module.state_dict(), {})
        outputs.append(WEIGHTS.file)
    return outputs


def move_survivors(network: Network, criterion: Entry[Criterion], masks: MaskSet, found: Scored) -> None:
    """Apply a criterion's update of the weights that stay, then the mask: the one place where pruning moves weights.

    Raises:
        BadPlugin: the criterion does not do as its passport says, or answers with other tensors than were asked for.
    """
    label = f'criterion "{criterion.id}"'
    if (found.update is not None) != criterion.value.updates_survivors:
        does, says = ("an", "none") if found.update is not None else ("no", "one")
        raise BadPlugin(
            f"{label} returned {does} update of the surviving weights, and its passport (`updates_survivors`) promises "
            f"{says}. Correct one of the two."
        )
    if found.update is None:
        return
    state = network.module.state_dict()
    with blame_plugin(criterion), torch.no_grad():
        moved = found.update({name: masks[name].to(state[name].device) for name in network.prunable})
    for name, weights in moved.items():
        if name not in network.prunable:
            raise BadPlugin(f'{label} moved "{name}", which is no prunable weight.')
        if tuple(weights.shape) != tuple(state[name].shape) or not bool(weights.isfinite().all()):
            raise BadPlugin(
                f'{label} moved the surviving weights of "{name}" to shape {tuple(weights.shape)}; finite numbers of '
                f"shape {tuple(state[name].shape)} were expected."
            )
        state[name].copy_(weights)
    masks.apply_(network.module)
