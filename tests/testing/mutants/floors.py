"""Floors that are each wrong in one way, and the law meant to tell."""

import random

from mutants.mutant import floor, turning


@floor("names-and-whole-numbers", "a list")
def lists_its_floors(sizes):
    return [1 for _ in sizes]


@floor("names-and-whole-numbers", "floors for")
def names_a_tensor_that_is_not_there(sizes):
    return {**dict.fromkeys(sizes, 0), "nowhere.weight": 1}


@floor("names-and-whole-numbers", "float")
def protects_half_a_unit(sizes):
    return dict.fromkeys(sizes, 0.5)


@floor("names-and-whole-numbers", "-1")
def protects_less_than_none(sizes):
    return dict.fromkeys(sizes, -1)


@floor("names-and-whole-numbers", "for every tensor", final=True)
def forgets_a_tensor_in_the_end(sizes):
    return dict.fromkeys(list(sizes)[1:], 0)


@floor("names-and-whole-numbers", "for every tensor", final=True)
def keeps_more_than_there_is(sizes):
    return {name: size + 1 for name, size in sizes.items()}


@floor("floors-honoured", "answer the same")
def protects_at_the_first_call_alone(sizes):
    return dict.fromkeys(sizes, 2 * turning(sizes))


@floor("total-exact", "UnknownName")
def asks_for_too_much(sizes):
    return {"nowhere.weight": 1}


@floor("best-safe", "selection ranks")
def turns_the_scores(scores):
    for each in scores.values():
        each *= -1
    return dict.fromkeys(scores, 1)


@floor("best-safe", "selection ranks", final=True)
def turns_the_scores_in_the_end(scores):
    for each in scores.values():
        each *= -1
    return {name: each.size // 2 for name, each in scores.items()}


@floor("reproducible", "then")
def protects_in_turn(sizes):
    return dict.fromkeys(sizes, turning(sizes))


@floor("reproducible", "global random generator")
def draws_its_floors(sizes):
    return dict.fromkeys(sizes, random.randint(0, 100))


@floor("order-irrelevant", "reverse order")
def protects_the_first_tensor(sizes):
    return {name: 1 for name, _ in zip(sizes, range(1), strict=False)}


@floor("inputs-untouched", "were written to")
def sorts_the_scores(scores):
    for each in scores.values():
        each.sort()
    return dict.fromkeys(scores, 0)


@floor("inputs-untouched", "was altered")
def takes_sizes_out(sizes):
    return {name: sizes.pop(name) and 0 for name in list(sizes)}
