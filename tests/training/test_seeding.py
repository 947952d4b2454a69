import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.training.seeding import seeded, stream, stream_seed

PARTS = st.lists(st.integers(0, 9) | st.text("01a", max_size=2), max_size=3)


@given(st.integers(0, 2**40), PARTS)
def test_a_seed_is_a_function_of_its_parts_within_63_bits(seed, more):
    assert stream_seed(seed, "order", *more) == stream_seed(seed, "order", *more)
    assert 0 <= stream_seed(seed, "order", *more) < 2**63


@given(st.tuples(st.integers(0, 3), PARTS), st.tuples(st.integers(0, 3), PARTS))
def test_different_parts_give_different_seeds(one, other):
    same = stream_seed(one[0], "order", *one[1]) == stream_seed(other[0], "order", *other[1])
    assert same == (repr(one) == repr(other))


def test_the_streams_of_one_run_differ():
    names = ["init", "order", "augment", "criterion", "dropout", "validation"]
    assert len({stream_seed(0, name) for name in names}) == len(names)


def test_a_stream_starts_over_whenever_it_is_asked_for():
    first = stream(5, "augment", "dense", 2)
    drawn = torch.rand(4, generator=first)
    assert first.device.type == "cpu"
    assert torch.equal(torch.rand(4, generator=stream(5, "augment", "dense", 2)), drawn)
    assert not torch.equal(torch.rand(4, generator=stream(5, "augment", "dense", 3)), drawn)


def test_a_seeded_block_draws_the_same_and_leaves_the_outside_as_it_was():
    before = torch.get_rng_state()
    with seeded(11):
        first = torch.rand(3)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(1)
    with seeded(11):
        assert torch.equal(torch.rand(3), first)


def test_a_seeded_block_restores_the_state_when_it_fails():
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError), seeded(1):
        torch.rand(1) @ torch.rand(2, 2)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_seeded_block_covers_the_cuda_generator():
    before = torch.cuda.get_rng_state()
    with seeded(11):
        first = torch.rand(3, device="cuda")
    assert torch.equal(torch.cuda.get_rng_state(), before)
    with seeded(11):
        assert torch.equal(torch.rand(3, device="cuda"), first)
