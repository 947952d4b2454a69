"""`Choice`: a registered thing by id, with its options, as configs write it."""

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_ID = r"[a-z0-9]+([.-][a-z0-9]+)*"
_LONGEST = 200
"""Of names that become those of files and folders, which systems bound by 255."""
Id = Annotated[str, Field(pattern=f"^{_ID}$", max_length=_LONGEST)]


def is_id(text: str) -> bool:
    """Say whether a text can be the name of a registered thing, a profile, a run, ...

    >>> is_id("global-snip"), is_id("../x")
    (True, False)
    """
    return len(text) <= _LONGEST and re.fullmatch(_ID, text) is not None


class Frozen(BaseModel):
    """A frozen value without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False)


class Choice(Frozen):
    """A registered thing and its options; `"snip"` is short for `{ id = "snip" }`, other keys are options."""

    id: Id
    options: dict[str, Any] = {}


def chosen(value: Any) -> Any:
    """Return the long form of a choice: an id alone, or an id with its options beside it.

    >>> chosen("snip"), chosen({"id": "obd", "penalty": 0.1})
    ({'id': 'snip'}, {'id': 'obd', 'options': {'penalty': 0.1}})
    """
    if isinstance(value, str):
        return {"id": value}
    if isinstance(value, dict) and "options" not in value:
        return {"id": value.get("id"), "options": {key: each for key, each in value.items() if key != "id"}}
    return value


Chosen = Annotated[Choice, BeforeValidator(chosen)]
