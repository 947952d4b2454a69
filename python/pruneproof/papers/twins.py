"""`--set key=value` without a run: every method once more with that value, next to the paper's own.

Each method gets a twin that differs in the settings alone and is labelled `<method>-<suffix>`, so that both are trained
in one plan and what they have in common is done once. A setting of a method with steps of its own holds for every step
that prunes.
"""

import copy
import re
from collections.abc import Sequence
from typing import Any

from pruneproof.errors import BadOption
from pruneproof.papers.schema import Method
from pruneproof.papers.settings import Setting, places

KEYS = frozenset(Method.model_fields) - {"method", "about", "sparsities", "steps"}
"""Keys of a method that a twin may change."""


def criteria_of(settings: Sequence[Setting]) -> list[str]:
    """Return the ids of the criteria that settings of twins name.

    >>> criteria_of([Setting.read("criterion=snip"), Setting.read("sample.size=9"), Setting.read("mlp.data=digits")])
    ['snip']
    """
    return [_label(each) for each in settings if each.keys == ("criterion",)]


def group(settings: Sequence[Setting]) -> dict[str, list[Setting]]:
    """Return suffix -> settings of one twin: one for each criterion, which the other settings hold for as well.

    >>> list(group([Setting.read("criterion=snip"), Setting.read("criterion=grasp"), Setting.read("iterations=5")]))
    ['snip', 'grasp']
    >>> list(group([Setting.read("select.scope=erk"), Setting.read("sample.size=9")]))
    ['erk-size-9']
    """
    criteria = [each for each in settings if each.keys == ("criterion",)]
    others = [each for each in settings if each not in criteria]
    if not settings:
        return {}
    if not criteria:
        return {"-".join(map(_label, others)): others}
    return {_label(each): [each, *others] for each in criteria}


def add_twins(runs: dict[str, dict[str, Any]], settings: Sequence[Setting]) -> None:
    """Add to the content of a profile's runs a twin of every method that the settings change.

    Raises:
        UnknownName: a key of a method that does not exist.
        BadOption: the settings change no method.
    """
    for suffix, of_twin in group(settings).items():
        if not suffix:
            raise BadOption(
                f"{_said(of_twin)} has no letter and no digit by which twins could be called. Write a name or a number."
            )
        found = False
        for run in runs.values():
            for method in list(run["methods"]):
                twin = copy.deepcopy(method)
                for setting in of_twin:
                    for part in places(twin, setting.keys[0]):
                        setting.apply(part)
                if _comparable(twin) != _comparable(method):
                    twin["method"] = f"{method['method']}-{suffix}"
                    run["methods"] = [*run["methods"], twin]
                    found = True
        if not found:
            raise BadOption(f"{_said(of_twin)} changes no method of this profile: all have these values already.")


def _comparable(method: dict[str, Any]) -> dict[str, Any]:
    return Method.model_validate(method).model_dump()


def _said(settings: Sequence[Setting]) -> str:
    return " ".join(f"--set {each.text}" for each in settings)


def _label(setting: Setting) -> str:
    value = setting.value.get("id", "") if isinstance(setting.value, dict) else setting.value
    text = value if isinstance(value, str) else f"{setting.keys[-1]}-{value}"
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")
