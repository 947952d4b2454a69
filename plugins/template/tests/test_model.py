"""The model obeys what every model must."""

from pruneproof_template.model import TEMPLATE_MODEL, template_model

from pruneproof.testing import parametrize_with_checks


@parametrize_with_checks([TEMPLATE_MODEL])
def test_it_conforms(subject, check):
    check(subject)


def test_the_width_sets_the_number_of_filters():
    assert template_model((3, 32, 32), 10, width=7)[0].weight.shape == (7, 3, 3, 3)
