"""Selections that are each wrong in one way, and the law meant to tell."""

from mutants.mutant import selection
from pruneproof.selection.select import select_masks
from pruneproof.values.masks import MaskSet


@selection("count-exact", "survive")
def keeps_one_too_many(scores, *, sparsity=None, keep=None, **options):
    size = sum(each.size for each in scores.values())
    return select_masks(scores, keep=min(size, keep + 1 if keep is not None else round(size * (1 - sparsity)) + 1))


@selection("best-kept", "is dropped")
def breaks_ties_the_wrong_way(scores, **options):
    masks = select_masks({name: each.reshape(-1)[::-1] for name, each in scores.items()}, **options)
    return MaskSet.from_arrays({name: masks.array(name)[::-1].reshape(each.shape) for name, each in scores.items()})


@selection("nested", "revived")
def forgets_the_dead(scores, *, alive=None, **options):
    return select_masks(scores, **options)


@selection("floors-honoured", "is dropped")
def forgets_the_floor(scores, *, selection=None, **options):
    return select_masks(scores, **options)


@selection("order-irrelevant", "reverse order")
def ranks_equals_by_place(scores, **options):
    named = {f"{place:03}": each for place, each in enumerate(scores.values())}
    masks = select_masks(named, **options)
    return MaskSet.from_arrays({name: masks.array(key) for key, name in zip(named, scores, strict=True)})


@selection("inputs-untouched", "copy before you alter")
def normalises_in_place(scores, **options):
    for each in scores.values():
        each /= max(abs(each).max(initial=0), 1) + 1
    return select_masks(scores, **options)
