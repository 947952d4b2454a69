import pytest
import torch

from pruneproof.api import BadConfig, BadTensor, Selection, select_masks
from pruneproof.structures.n_of_m import groups, survivors


def test_groups_run_along_the_axis_alone():
    shapes = {"conv": (8, 4, 3, 3), "fc": (12, 64)}
    assert groups(shapes) == {"conv": (1, 4, 1, 1), "fc": (1, 4)}
    assert groups(shapes, keep=1, group=2, axis=0) == {"conv": (2, 1, 1, 1), "fc": (2, 1)}
    assert groups({"fc": (12, 64)}, axis=-1) == {"fc": (1, 4)}


@pytest.mark.parametrize(("keep", "group"), [(0, 4), (4, 4), (5, 4), (-1, 4)])
def test_as_many_survivors_as_neighbours_or_none_are_refused(keep, group):
    for refuses in (survivors, lambda **options: groups({"fc": (4, 4)}, **options)):
        with pytest.raises(BadConfig, match=rf'structure "{keep}:{group}" is not understood'):
            refuses(keep=keep, group=group)


@pytest.mark.parametrize(("shape", "axis"), [((4, 6), 1), ((6, 4), 0), ((4,), 1), ((4, 4), -3)])
def test_an_axis_that_is_not_there_or_no_multiple_names_the_tensor(shape, axis):
    with pytest.raises(BadTensor, match=r'"w" has shape .* cannot be cut into groups of 4 along dimension'):
        groups({"w": shape}, axis=axis)


def test_two_of_four_keeps_the_two_largest_of_each_four():
    weight = torch.randn(32, 64, generator=torch.Generator().manual_seed(0))
    masks = select_masks({"w": weight.abs()}, selection=Selection(structure="2:4"))
    groups_of_four = (weight * masks["w"]).reshape(-1, 4)
    assert ((groups_of_four != 0).sum(1) == 2).all()
    best = weight.abs().reshape(-1, 4).topk(2).indices.sort().values
    assert torch.equal(groups_of_four.nonzero()[:, 1].reshape(-1, 2), best)
