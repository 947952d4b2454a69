"""`search`: a mask that is learned while the weights stay as they are."""

from pruneproof.contracts.search import MaskSearch
from pruneproof.errors import BadConfig
from pruneproof.pipeline.kinds.table import HISTORY, PARTIAL, WEIGHTS
from pruneproof.pipeline.network import open_network
from pruneproof.pipeline.worker import Task
from pruneproof.pipeline.writing import read_recipe
from pruneproof.registry.catalog import blame_plugin
from pruneproof.training.checkpoint import save_tensors
from pruneproof.training.rate import learning_rate
from pruneproof.training.search import Searching
from pruneproof.training.train import History
from pruneproof.values.masks import MaskSet


def run(task: Task) -> list[str]:
    """Save the mask, the network (dead weights zero, running statistics of the gated network) and the history.

    Raises:
        BadConfig: the network has a mask already.
    """
    inputs, network = task.inputs, open_network(task)
    if network.masks is not None:
        raise BadConfig(
            f'the mask search "{inputs["search"]["id"]}" chooses among all weights, and some are pruned already. Leave '
            "out the step that prunes before it."
        )
    recipe = read_recipe(inputs["recipe"])
    entry = task.catalog.entry(MaskSearch, inputs["search"]["id"])
    with blame_plugin(entry):
        found = Searching(
            entry.value,
            inputs["search"]["options"],
            network.module,
            network.weights(),
            network.data,
            recipe,
            rate=learning_rate(recipe, task.catalog.get),
            sparsity=inputs["sparsity"],
            seed=inputs["seed"],
            phase=inputs["phase"],
        ).run(task.draft / PARTIAL, task.progress)
    masks = MaskSet.from_tensors(found.alive)
    masks.apply_(network.module)
    save_tensors(task.draft / WEIGHTS.file, network.module.state_dict(), {})
    history = History(loss=found.loss, diverged=None in found.loss)
    return [WEIGHTS.file, task.write_mask(masks), task.write_json(HISTORY.file, vars(history))]
