import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.errors import BadConfig
from pruneproof.models.arguments import at_least, fraction, image_shape, one_of, scaled


@pytest.mark.parametrize("shape", [(), (3,), (128, 9), (1, 3, 32, 32), (0, 32, 32), (3, 32, -1)])
def test_only_images_have_an_image_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(BadConfig, match=r"\(channels, height, width\) were expected"):
        image_shape("x", shape, smallest=1)


def test_too_small_an_image_is_told_what_to_do() -> None:
    with pytest.raises(BadConfig, match=r"sides of at least 8 pixels are needed\. Set small = true\."):
        image_shape("x", (1, 7, 30), smallest=8, advice="Set small = true.")


def test_the_allowed_choices_are_listed() -> None:
    assert one_of("x", "shortcut", "B", ("A", "B")) == "B"
    with pytest.raises(BadConfig, match='shortcut = \'C\'; allowed are "A", "B"'):
        one_of("x", "shortcut", "C", ("A", "B"))


@pytest.mark.parametrize("value", [0, True, 2.0, "3"])
def test_whole_numbers_are_whole_and_not_below_the_least(value: object) -> None:
    with pytest.raises(BadConfig, match="of at least 1"):
        at_least("x", "width", value, 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [-0.1, 1.0, float("nan"), True, "0.3"])
def test_a_fraction_lies_in_its_range(value: object) -> None:
    with pytest.raises(BadConfig, match=r"in \[0, 1\)"):
        fraction("x", "dropout", value)  # type: ignore[arg-type]


@given(st.integers(1, 2048), st.floats(0.001, 8))
def test_scaled_channels_never_vanish_and_grow_with_the_width(channels: int, width: float) -> None:
    assert 1 <= scaled("x", channels, width) <= scaled("x", channels, 2 * width)
    assert scaled("x", channels, 1.0) == channels
