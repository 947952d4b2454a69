import pytest
from pydantic import ValidationError

from pruneproof.contracts.recipe import Recipe

PLAIN = {"epochs": 1, "batch": 8, "lr": 0.1}


def test_every_default_is_written_out_in_a_dump():
    assert set(Recipe(**PLAIN).model_dump()) == set(Recipe.model_fields)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"epochs": -1}, "epochs"),
        ({"batch": 0}, "batch"),
        ({"lr": 0.0}, "lr"),
        ({"lr": float("inf")}, "lr"),
        ({"lr": float("nan")}, "lr"),
        ({"momentum": 1.0}, "momentum"),
        ({"validation": 1.0}, "validation"),
        ({"optimizer": "lion"}, "optimizer"),
        ({"learning_rate": 0.1}, "learning_rate"),
        ({"lr_every": 3}, "lr_every"),
        ({"lr_schedule": "Step Down"}, "lr_schedule"),
        ({"lr_schedule": 3}, "lr_schedule"),
        ({"lr_update": "week"}, "lr_update"),
        ({"warmup": -1}, "warmup"),
        ({"temperature": 0.0}, "temperature"),
        ({"label_smoothing": 1.0}, "label_smoothing"),
        ({"clip": 0.0}, "clip"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(change, named):
    with pytest.raises(ValidationError, match=named):
        Recipe(**PLAIN | change)
