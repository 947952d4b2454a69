"""The structure obeys what every structure must."""

from pruneproof_template.structure import TEMPLATE_STRUCTURE, template_structure

from pruneproof.testing import parametrize_with_checks


@parametrize_with_checks([TEMPLATE_STRUCTURE])
def test_it_conforms(subject, check):
    check(subject)


def test_a_tensor_without_inputs_is_one_unit():
    assert template_structure({"bias": (5,)}) == {"bias": (5,)}


def test_another_axis_gives_the_units_of_another_dimension():
    assert template_structure({"conv": (8, 4, 3, 3)}, axis=0)["conv"] == (1, 4, 3, 3)
