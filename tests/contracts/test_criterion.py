import pytest

from pruneproof.api import Criterion, Source
from pruneproof.errors import BadPlugin
from pruneproof.registry.passports import check

SOURCE = Source("A. Tester", 2020, "A paper of seconds")


def test_ingredients_are_positional_names_and_options_keyword_only_defaults():
    def score(weights, grads, *, power=2, scale=0.5):
        return {}

    criterion = Criterion("mine", score, SOURCE)
    check(criterion)
    assert criterion.ingredients == ("weights", "grads")
    assert criterion.options == {"power": 2, "scale": 0.5}


def unknown_ingredient(weights, momentum):
    return {}


def option_without_default(weights, *, power):
    return {}


def catch_all(weights, *args):
    return {}


def catch_all_options(weights, **options):
    return {}


@pytest.mark.parametrize(
    ("score", "source", "named"),
    [
        (unknown_ingredient, SOURCE, '"momentum"'),
        (option_without_default, SOURCE, '"power" without a default'),
        (catch_all, SOURCE, "*args"),
        (catch_all_options, SOURCE, "*options"),
        (lambda weights: {}, None, "names no source"),
    ],
)
def test_an_invalid_passport_is_refused_with_id_and_place(score, source, named):
    with pytest.raises(BadPlugin) as caught:
        check(Criterion("mine", score, source))
    assert named in str(caught.value)
    assert '"mine"' in str(caught.value)
    assert f"{__file__}:{score.__code__.co_firstlineno}" in str(caught.value)
