"""`shrink`: dead filters cut out, a smaller network with the same outputs."""

import torch

from pruneproof.pipeline.kinds.table import SHAPE, WEIGHTS
from pruneproof.pipeline.network import open_network
from pruneproof.pipeline.worker import Task
from pruneproof.shrinking.removal import Slimmed, slim
from pruneproof.training.checkpoint import save_tensors
from pruneproof.values.masks import MaskSet


def run(task: Task) -> list[str]:
    """Save the smaller network, its shape, and the mask of what is still dead in it."""
    network = open_network(task)
    assert network.masks is not None  # `shrink` is planned after what makes a mask
    small = slim(network.module, network.masks, torch.zeros(1, *network.data.shape, device=task.inputs["device"]))
    masks: MaskSet = small.shape.of_masks(network.masks, small.model)
    save_tensors(task.draft / WEIGHTS.file, small.model.state_dict(), {})
    return [WEIGHTS.file, task.write_mask(masks), task.write_json(SHAPE.file, _described(small))]


def _described(small: Slimmed) -> dict[str, object]:
    """Return what is gone, what could not go and why, and the sizes before and after."""
    return {
        "shape": small.shape.to_json(),
        "removed": {name: list(gone) for name, gone in small.removed.items()},
        "kept": [{"weight": each.weight, "filters": list(each.filters), "reason": each.reason} for each in small.kept],
        "parameters": {"before": small.parameters_before, "after": small.parameters_after},
        "macs": {"before": small.macs_before, "after": small.macs_after},
    }
