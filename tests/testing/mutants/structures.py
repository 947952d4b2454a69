"""Structures that are each wrong in one way, and the law meant to tell."""

import random

import numpy as np
import torch

from mutants.mutant import structure, turning


def filters(shapes):
    return {name: (1, *shape[1:]) for name, shape in shapes.items()}


def numbered_rows(shapes):
    """Number the output units of all tensors."""
    found, count = {}, 0
    for name, shape in shapes.items():
        found[name] = (count + np.arange(shape[0])).reshape(-1, *[1] * (len(shape) - 1))
        count += shape[0]
    return found


@structure("names-and-shapes", "places in")
def leaves_out_a_tensor(shapes):
    return dict(list(filters(shapes).items())[1:])


@structure("names-and-shapes", "places in")
def names_a_tensor_of_nobody(shapes):
    return {**filters(shapes), "nowhere.weight": (1,)}


@structure("names-and-shapes", "a list for")
def describes_sides_by_a_list(shapes):
    return {name: list(sides) for name, sides in filters(shapes).items()}


@structure("names-and-shapes", "sides (1,)")
def has_one_side_for_all_dimensions(shapes):
    return dict.fromkeys(shapes, (1,))


@structure("names-and-shapes", "numbers of shape")
def numbers_one_row_too_many(shapes):
    return {name: np.zeros((shape[0] + 1, *shape[1:]), dtype=int) for name, shape in shapes.items()}


@structure("units-cover", "whole numbers from 1")
def has_half_sides(shapes):
    return {name: tuple(side / 2 for side in sides) for name, sides in filters(shapes).items()}


@structure("units-cover", "write -1")
def has_a_unit_below_none(shapes):
    return {name: numbers - 2 for name, numbers in numbered_rows(shapes).items()}


@structure("units-scored", "alone")
def has_a_unit_of_biases_alone(shapes, module):
    biases = {name: each for name, each in module.named_parameters() if name not in shapes}
    return {**numbered_rows(shapes), **{name: np.full(each.shape, 10_000) for name, each in biases.items()}}


@structure("units-scored", "blocks in")
def cuts_biases_into_blocks(shapes, module):
    biases = {name: each for name, each in module.named_parameters() if name not in shapes}
    return {**filters(shapes), **{name: (1,) * each.dim() for name, each in biases.items()}}


@structure("whole-units", "answer the same")
def answers_by_rows_and_by_columns_in_turn(shapes):
    side = 0 if turning(shapes) else 1
    return {
        name: tuple(1 if axis == side else each for axis, each in enumerate(shape)) for name, shape in shapes.items()
    }


@structure("whole-units", "instead of", keep=lambda: 2)
def says_another_number_than_it_keeps(shapes):
    width = 4 if turning(shapes) else 3
    return {name: np.arange(int(np.prod(shape))).reshape(shape) // width for name, shape in shapes.items()}


@structure("count-exact", "units are alive instead of")
def splits_its_units_at_the_second_call(shapes):
    split = turning(shapes)
    return {name: (1, *shape[1:]) if split else (1,) * len(shape) for name, shape in shapes.items()}


@structure("reproducible", "at the second call")
def renumbers_its_units(shapes):
    shift = turning(shapes)
    return {name: numbers + shift for name, numbers in numbered_rows(shapes).items()}


@structure("reproducible", "global random generator")
def moves_the_generator_of_random(shapes):
    random.random()
    return filters(shapes)


@structure("inputs-untouched", "mapping of shapes")
def takes_shapes_out(shapes):
    return {name: (1, *shapes.pop(name)[1:]) for name in list(shapes)}


@structure("inputs-untouched", "was written to")
def writes_to_the_network(shapes, module):
    with torch.no_grad():
        for each in module.parameters():
            each.mul_(2)
    return filters(shapes)


@structure("inputs-untouched", "train mode")
def leaves_train_mode(shapes, module):
    module.train()
    return filters(shapes)


@structure("inputs-untouched", "gradient")
def leaves_gradients_behind(shapes, module, example):
    module(example).sum().backward()
    return filters(shapes)
