"""The mechanism's facts hold, and one that is not true does not."""

from pruneproof_template.mechanism import template_mechanism


def test_the_facts_hold_at_every_sparsity():
    facts = template_mechanism(sparsities=(0.0, 0.5, 0.99), factor=0.125)
    assert [fact.holds for fact in facts] == [True, True, True]


def test_without_a_scale_they_do_not():
    assert not any(fact.holds for fact in template_mechanism(factor=0.0))
