"""`mechanism`: an exact check, and its facts."""

from pruneproof.contracts.functions import ingredients
from pruneproof.contracts.mechanism import Mechanism
from pruneproof.errors import BadPlugin
from pruneproof.pipeline.kinds.table import FACTS
from pruneproof.pipeline.worker import Task
from pruneproof.registry.catalog import blame_plugin


def run(task: Task) -> list[str]:
    """Run the check and write its facts."""
    written = task.inputs["check"]
    entry = task.catalog.entry(Mechanism, written["id"])
    with blame_plugin(entry):
        given = [task.catalog] if "catalog" in ingredients(entry.value.check) else []
        facts = [dict(fact.to_json()) for fact in entry.value.check(*given, **written["options"])]
    if not facts:
        raise BadPlugin(
            f'mechanism "{entry.id}" ({entry.where}) answered no fact, which would hold whatever is true. Return at '
            "least one."
        )
    return [task.write_json(FACTS.file, facts)]
