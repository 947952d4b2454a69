"""Averages are told from the weights that they are averages of, in the layouts of those who write them."""

import pytest

from pruneproof.values.averages import averages

NET = {"net.0.weight": (4, 2), "net.2.weight": (3, 4), "head.kernel": (3, 3)}


def under(prefix, rename=lambda name: name):
    return {prefix + rename(name): shape for name, shape in NET.items()}


@pytest.mark.parametrize(
    ("model", "prefix"),
    [
        ("", "ema."),
        ("", "module.ema."),
        ("model.", "model_ema."),
        ("state_dict.", "state_dict_ema."),
        ("model.", "ema.module."),
        ("model.module.", "ema.module.model."),
        ("ema.online_model.", "ema.ema_model."),
        ("model/", "ema_params/"),
        ("model.", "swa_model.module."),
    ],
)
def test_a_copy_under_a_prefix_is_an_average(model, prefix):
    found = averages(under(model) | under(prefix))
    assert set(found) == set(under(prefix))
    [said] = set(found.values())
    assert prefix.startswith(said)


def test_names_without_dots_are_understood():
    copy = under("model_ema.", lambda name: "diffusion_model" + name.replace(".", ""))
    assert set(averages(under("model.diffusion_model.") | under("first_stage.") | copy)) == set(copy)


@pytest.mark.parametrize("prefix", ["ema.", "model_ema.", "state_dict_ema."])
def test_averages_alone_are_the_model(prefix):
    assert averages(under(prefix)) == {}


def test_a_part_of_a_network_that_is_called_so_is_none():
    attention = {f"model.{layer}.ema.conv1x1.weight": (8, 8) for layer in (4, 6)}
    rest = {"model.2.cv.weight": (8, 8), "model.3.cv.weight": (8, 8)}
    assert averages(attention | rest) == {}


def test_a_copy_of_another_shape_or_with_more_in_it_is_none():
    assert averages(NET | under("ema.") | {"ema.head.kernel": (3, 2)}) == {}
    assert averages(NET | under("ema.") | {"ema.projector.weight": (3, 2)}) == {}


def test_words_that_contain_the_letters_say_nothing():
    for prefix in ("schema.", "emaciated.", "cinema_model."):
        assert averages(NET | under(prefix)) == {}
