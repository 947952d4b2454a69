from dataclasses import replace

import pytest

from pruneproof.errors import StoreCorrupt
from pruneproof.values.measurements import OPTIONAL, Measurement

PLAIN = Measurement(
    accuracy=90.0,
    accuracy_best=91.0,
    accuracy_before=40.0,
    loss=0.1,
    diverged=False,
    weights=100,
    alive=10,
    macs_pruned=0.9,
    constant_output=False,
    epochs=3,
    densities={"w": 0.1},
)
FULL = replace(PLAIN, accuracy_dense=95.0, loss_dense=0.5, loss_pruned=0.25, loss_retrained=0.75)


@pytest.mark.parametrize("measurement", [PLAIN, FULL])
def test_json_is_read_back(measurement):
    assert Measurement.from_json(measurement.to_json()) == measurement


def test_what_was_not_asked_for_is_not_in_the_json_so_that_digests_of_before_stand():
    assert not OPTIONAL & set(PLAIN.to_json())
    assert set(FULL.to_json()) - set(PLAIN.to_json()) == OPTIONAL


def test_changes_and_gaps_are_taken_against_the_network_before_pruning():
    assert (FULL.loss_change, FULL.loss_gap, FULL.error_gap_before, FULL.error_gap) == (0.25, 0.25, 55.0, 5.0)
    assert {PLAIN.loss_change, PLAIN.loss_gap, PLAIN.error_gap_before, PLAIN.error_gap} == {None}


@pytest.mark.parametrize("change", [{"speed": 1.0}, {"epochs": None}])
def test_other_fields_are_refused(change):
    content = {name: value for name, value in (PLAIN.to_json() | change).items() if value is not None}
    with pytest.raises(StoreCorrupt, match="a measurement has the fields"):
        Measurement.from_json(content)
