import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pruneproof.drawing.scales import AXIS_SCALES, fitting_scale, scale_words
from pruneproof.drawing.table import MetricInfo, Quantity
from pruneproof.errors import UnknownName

ACCURACY = Quantity("accuracy", "end", MetricInfo("%", better="larger"))
LOSS = Quantity("loss", "end", MetricInfo("nats", better="smaller"))
SAVED = Quantity("macs-pruned", "end")
SPARSITY, PENALTY, ITERATIONS = (Quantity(name, "") for name in ("sparsity", "penalty", "iterations"))


@pytest.mark.parametrize(
    ("quantity", "values", "name"),
    [
        (ACCURACY, [10.0, 98.0], "logit"),
        (ACCURACY, [95.0, 98.0], "linear"),
        (ACCURACY, [10.0, 100.0], "linear"),
        (SPARSITY, [0.8, 0.99], "density"),
        (SPARSITY, [0.1, 0.3], "linear"),
        (PENALTY, [0.0, 1e-4, 100.0], "log"),
        (ITERATIONS, [1, 14, 140], "log"),
        (ITERATIONS, [1, 2, 3], "linear"),
        (LOSS, [0.1, 2.0], "log"),
        (LOSS, [0.0, 2.0], "linear"),
        (LOSS, [-0.1, 2.0], "linear"),
    ],
    ids=str,
)
def test_auto_takes_what_fits(quantity, values, name):
    assert fitting_scale("auto", quantity, values).name == name


def test_a_column_has_its_ticks_at_its_values():
    assert fitting_scale("auto", ITERATIONS, [1, 140, 14]).ticks == (1, 14, 140)
    scale = fitting_scale("auto", SPARSITY, [0.8, 0.9, 0.99])
    assert [scale.text(tick) for tick in scale.apart([0.8, 0.9, 0.99])] == ["80 %", "90 %", "99 %"]


def test_the_zero_of_a_log_axis_stands_left_of_the_smallest_value():
    scale = fitting_scale("log", PENALTY, [0.0, 1e-4, 1.0])
    assert scale.there(0.0) < scale.there(1e-4) < scale.there(1.0)
    assert scale.apart([0.0, 1e-4, 1.0])[0] == 0.0


def test_density_spreads_what_is_almost_all():
    scale = fitting_scale("density", SAVED, [0.5, 0.9, 0.99])
    gaps = np.diff([float(scale.there(x)) for x in (0.9, 0.99, 0.999)])
    assert gaps == pytest.approx([1.0, 1.0])
    assert [scale.text(tick) for tick in scale.apart([0.5, 0.9, 0.99])] == [
        "50 %",
        "80 %",
        "90 %",
        "95 %",
        "98 %",
        "99 %",
    ]


@pytest.mark.parametrize("name", [name for name in AXIS_SCALES if name != "auto"])
@given(st.lists(st.floats(0.0, 100.0), min_size=1, max_size=8))
@example([5e-324])
@example([1.0, 1.974078801786073e-289])
def test_every_value_lies_within_the_limits_and_ticks_rise(name, values):
    for quantity in (ACCURACY, SAVED, LOSS, PENALTY):
        shown = [value / 100 for value in values] if quantity is SAVED else values
        scale = fitting_scale(name, quantity, shown)
        low, high = (float(scale.there(each)) for each in scale.limits(shown))
        assert np.isfinite([low, high]).all()
        for value in shown:
            assert low - 1e-9 <= float(scale.there(value)) <= high + 1e-9
        ticks = scale.apart(shown)
        assert ticks == sorted(ticks)


@given(st.floats(0.001, 99.999))
def test_transforms_lead_back(value):
    for name in ("density", "logit", "log"):
        scale = fitting_scale(name, ACCURACY, [1.0, value])
        assert float(scale.back(scale.there(value))) == pytest.approx(value, rel=1e-6)


def test_narrow_ranges_have_ticks_too():
    scale = fitting_scale("density", SAVED, [0.63, 0.72])
    assert len(scale.apart([0.63, 0.72])) >= 2


def test_an_unknown_scale_is_refused_with_the_nearest():
    with pytest.raises(UnknownName, match=r'scale "lgo" is not known\. Nearest: "log"'):
        fitting_scale("lgo", LOSS, [1.0])


def test_a_caption_explains_the_logit_scale_alone():
    assert scale_words({"log", "density"}) == []
    assert len(scale_words({"logit"})) == 1
