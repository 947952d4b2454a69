"""`--set key=value` without a run: every arm once more with that value, beside the paper's own.

Each arm gets a twin that differs in the settings alone and is labelled `<method>-<suffix>`, so that both are trained in
one plan and what they have in common is done once.
"""

import copy
import re
from collections.abc import Sequence
from typing import Any

from pruneproof.errors import BadOption
from pruneproof.papers.schema import Arm
from pruneproof.papers.settings import Setting

KEYS = frozenset(Arm.model_fields) - {"method", "about", "sparsities"}
"""Keys of an arm that a twin may change."""


def criteria_of(settings: Sequence[Setting]) -> list[str]:
    """Return the ids of the criteria that settings of twins name.

    >>> criteria_of([Setting.read("criterion=snip"), Setting.read("samples=9"), Setting.read("mlp.data=digits")])
    ['snip']
    """
    return [_label(each) for each in settings if each.keys == ("criterion",)]


def group(settings: Sequence[Setting]) -> dict[str, list[Setting]]:
    """Return suffix -> settings of one twin: one for each criterion, which the other settings hold for as well.

    >>> list(group([Setting.read("criterion=snip"), Setting.read("criterion=grasp"), Setting.read("samples=100")]))
    ['snip', 'grasp']
    >>> list(group([Setting.read("select.scope=erk"), Setting.read("samples=9")]))
    ['erk-samples-9']
    """
    criteria = [each for each in settings if each.keys == ("criterion",)]
    others = [each for each in settings if each not in criteria]
    if not settings:
        return {}
    if not criteria:
        return {"-".join(map(_label, others)): others}
    return {_label(each): [each, *others] for each in criteria}


def add_twins(runs: dict[str, dict[str, Any]], settings: Sequence[Setting]) -> None:
    """Add to the content of a profile's runs a twin of every arm that the settings change.

    Raises:
        UnknownName: a key of an arm that does not exist.
        BadOption: the settings change no arm.
    """
    for suffix, of_twin in group(settings).items():
        found = False
        for run in runs.values():
            for arm in list(run["arms"]) if suffix else ():
                twin = copy.deepcopy(arm)
                for setting in of_twin:
                    setting.apply(twin)
                if _comparable(twin) != _comparable(arm):
                    twin["method"] = f"{arm['method']}-{suffix}"
                    run["arms"] = [*run["arms"], twin]
                    found = True
        if not found:
            said = " ".join(f"--set {setting.text}" for setting in of_twin)
            raise BadOption(f"{said} changes no arm of this profile: all of them have these values already.")


def _comparable(arm: dict[str, Any]) -> dict[str, Any]:
    return Arm.model_validate(arm).model_dump()


def _label(setting: Setting) -> str:
    value = setting.value.get("id", "") if isinstance(setting.value, dict) else setting.value
    text = value if isinstance(value, str) else f"{setting.keys[-1]}-{value}"
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")
