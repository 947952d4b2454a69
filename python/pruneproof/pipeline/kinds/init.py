"""`init`: the network as its seed initialises it, of the full shape or of one that another method has cut."""

from pruneproof.pipeline.kinds.table import WEIGHTS
from pruneproof.pipeline.network import build
from pruneproof.pipeline.worker import Task
from pruneproof.training.checkpoint import save_tensors


def run(task: Task) -> list[str]:
    """Build the network and save its state dict."""
    module, _, _ = build(task)
    save_tensors(task.draft / WEIGHTS.file, module.state_dict(), {})
    return [WEIGHTS.file]
