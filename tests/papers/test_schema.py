import pytest
from pydantic import ValidationError

from pruneproof.papers.schema import Arm, Choice, ClaimsFile, MechanismClaim, Operand, RunsFile

CLAIM = {"id": "a", "text": "t", "where": "w", "strength": "stated"}


def test_a_name_alone_is_short_for_an_id_and_other_keys_are_options():
    assert Arm(method="m", criterion="snip").criterion == Choice(id="snip")
    chosen = Arm(method="m", schedule={"id": "iterative", "rate": 0.3}).schedule
    assert chosen == Choice(id="iterative", options={"rate": 0.3})


def test_a_dump_reads_back_as_the_same_arm():
    arm = Arm(
        method="m", schedule={"id": "iterative", "rate": 0.3}, during={"start": 1, "end": 2}, retrain={"epochs": 3}
    )
    assert Arm.model_validate(arm.model_dump(mode="json")) == arm


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"rewind": "early"}, "rewind_epochs"),
        ({"rewind_epochs": 2}, "rewind_epochs"),
        ({"during": {"start": 3, "end": 2}}, "before start"),
        ({"during": {"start": 1, "end": 2}, "steps": 2}, "during excludes"),
        ({"during": {"start": 1, "end": 2}, "between": "retrain"}, "during excludes"),
        ({"during": {"start": 1, "end": 2}, "rewind": "init"}, "during excludes"),
        ({"steps": 0}, "steps"),
        ({"floor": -1}, "floor"),
        ({"floor_percent": 100.0}, "floor_percent"),
        ({"sparsities": [1.0]}, "sparsities"),
        ({"method": "Not Kebab"}, "method"),
        ({"samples": 0}, "samples"),
        ({"colour": "red"}, "colour"),
        ({"criterion": {"power": 2}}, "criterion"),
        ({"criterion": 7}, "criterion"),
    ],
)
def test_an_incoherent_arm_is_refused_by_key(change, named):
    with pytest.raises(ValidationError, match=named):
        Arm(**{"method": "m"} | change)


def test_a_claim_is_read_by_its_kind():
    content = {"claim": [CLAIM | {"kind": "mechanism", "check": "adds-up"}]}
    assert isinstance(ClaimsFile.model_validate(content).claim[0], MechanismClaim)


@pytest.mark.parametrize("content", [{"claim": []}, {"claim": [CLAIM]}, {"claim": [CLAIM | {"kind": "guess"}]}, {}])
def test_claims_without_a_known_kind_or_any_claim_are_refused(content):
    with pytest.raises(ValidationError):
        ClaimsFile.model_validate(content)


def test_a_run_of_an_unknown_profile_is_refused():
    with pytest.raises(ValidationError, match="huge"):
        RunsFile.model_validate({"profiles": {}, "huge": {}})


def test_every_metric_of_an_operand_is_a_field_of_a_measurement():
    from typing import get_args

    from pruneproof.values.measurements import Measurement

    for metric in get_args(Operand.model_fields["metric"].annotation):
        assert hasattr(Measurement, metric) or metric in Measurement.__dataclass_fields__


def test_all_values_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        Arm(method="m").floor = 3
