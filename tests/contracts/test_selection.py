import pytest
from pydantic import ValidationError

from pruneproof.contracts.selection import Selection, structure_of


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("2:4", {"id": "n-of-m", "keep": 2, "group": 4}),
        ("4x2", {"id": "block", "sides": [4, 2]}),
        ("16", {"id": "block", "sides": [16]}),
        ("filter", {"id": "filter"}),
        ({"id": "2:4"}, {"id": "n-of-m", "keep": 2, "group": 4}),
        ({"id": "2:4", "options": {}}, {"id": "n-of-m", "keep": 2, "group": 4}),
        ({"id": "block", "sides": [4, 2]}, {"id": "block", "sides": [4, 2]}),
        ({"id": "block", "options": {"sides": [4, 2]}}, {"id": "block", "sides": [4, 2]}),
        ({"id": "n-of-m", "axis": 0}, {"id": "n-of-m", "axis": 0}),
    ],
)
def test_a_structure_has_a_short_form_and_a_long_one(short, long):
    found = Selection(structure=short).structure
    assert {"id": found.id, **found.options} == long
    assert Selection.model_validate(Selection(structure=short).model_dump()).structure == found


@pytest.mark.parametrize("structure", ["0x2", "4:", "x4", "2:0"])
def test_what_only_looks_like_a_short_form_is_an_id_or_refused(structure):
    assert structure_of(structure) == structure


def test_every_default_is_written_out_in_a_dump():
    assert Selection().model_dump() == {
        "scope": {"id": "global", "options": {}},
        "structure": {"id": "weight", "options": {}},
        "reduce": "l1",
        "floor": {"id": "none", "options": {}},
        "count": {"id": "exact", "options": {}},
        "ties": "first",
        "unprunable": (),
    }


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"scope": "Not Kebab"}, "scope"),
        ({"structure": "4:"}, "structure"),
        ({"reduce": "max"}, "reduce"),
        ({"ties": "random"}, "ties"),
        ({"floor": 5}, "floor"),
        ({"preset": "synflow"}, "preset"),
    ],
)
def test_a_value_of_the_wrong_form_is_refused_by_name(change, named):
    with pytest.raises(ValidationError, match=named):
        Selection(**change)
