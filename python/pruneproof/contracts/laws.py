"""The closed vocabulary of laws: what every method obeys, and what a criterion may claim beyond that.

Here stands each law's id and its meaning in one line; `pruneproof.testing` states each as mathematics and tests it. The
registry refuses a name that is not listed here without needing the testing kit.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from pruneproof.errors import BadPlugin

CRITERION_LAWS: Mapping[str, str] = {
    "shapes-and-names": "one floating-point score per weight, under the weight's name",
    "finite": "finite ingredients give finite scores",
    "deterministic": "same ingredients and seed, same scores",
    "seed-used": "another seed gives other scores, where `rng` is asked for",
    "inputs-untouched": "the ingredients stay as they were, to the bit",
    "model-untouched": "weights, gradients, buffers and train/eval mode stay as they were, to the bit",
    "rng-untouched": "the global generators of torch, numpy and random stay where they were",
    "settings-untouched": "torch's global settings stay as they were",
    "order-irrelevant": "the order of the tensors does not matter",
    "names-irrelevant": "the names of the tensors do not matter",
    "hidden-units-equivariant": "hidden units that change places take their scores along",
    "dead-weights-unseen": "what stands in the places of dead weights does not matter",
    "precisions-agree": "float16, bfloat16, float32 and float64 agree within rounding",
    "selection-exact": "a mask selected by the scores has the exact count and revives nothing",
    "selection-nested": "masks selected by the scores are nested as the sparsity rises",
    "survivors-as-promised": "the surviving weights are moved where the passport says so, and only there",
}
"""What every criterion obeys."""

CLAIMABLE_LAWS: Mapping[str, str] = {
    "data-free": "samples and labels do not matter, only their shape",
    "label-free": "labels do not matter",
    "batch-order-invariant": "the order of samples and batches does not matter",
    "nonnegative": "no score is below zero",
    "sign-invariant": "the signs of the weights do not matter, all else held still",
    "homogeneous-K": "weights times c give scores times c to the power of K, all else held still",
    "zero-for-zero-weight": "a weight of zero scores zero",
    "zero-for-zero-gradient": "a weight with a derivative of zero scores zero",
    "loss-scale-invariant": "a loss times a constant gives the same ranking",
    "relu-rescaling-invariant": "scale moved through a ReLU unit, which leaves the function, leaves the scores",
    "unit-conserving": "a hidden unit's incoming scores and its outgoing scores have the same total",
    "layer-conserving": "all layers have the same total score",
}
"""What a criterion may claim; K stands for a whole number, as in `homogeneous-1`."""

SCHEDULE_LAWS: Mapping[str, str] = {
    "one-value-per-step": "as many numbers as steps",
    "in-range": "every sparsity lies in [0, 1)",
    "monotone": "sparsity never falls",
    "ends-on-target": "the last sparsity is the target, exactly",
    "reproducible": "same arguments, same answer, and no global generator moves",
    "refuses-nonsense": "a target outside [0, 1) or no step is refused",
}
"""What every schedule obeys."""

ALLOCATION_LAWS: Mapping[str, str] = {
    "names-and-whole-numbers": "one whole number per tensor",
    "total-exact": "the counts add up to the budget",
    "within-size": "no count is below zero or above its tensor's size",
    "reproducible": "same arguments, same answer, and no global generator moves",
    "inputs-untouched": "the weights stay as they were, to the bit",
    "order-irrelevant": "the order of the tensors does not matter",
    "numpy-and-torch-agree": "numpy and torch weights give the same counts",
    "floors-honoured": "as a scope, it leaves every tensor its floor and the total exact",
    "ties-by-index": "as a scope, it keeps the best of each tensor, the first of equals",
}
"""What every allocation obeys."""

MODEL_LAWS: Mapping[str, str] = {
    "prunable-names": "the prunable names are parameters of the model, each tensor once",
    "logits-shape": "a batch of n inputs gives logits of shape (n, classes)",
    "seed-decides": "one seed, one initialisation; another seed, another",
    "globals-untouched": "building and running moves no generator but torch's, and no setting",
    "state-dict-round-trip": "a state dict loaded into a fresh build gives the same logits",
    "eval-is-pure": "in eval mode nothing moves, and a sample's logits do not depend on its neighbours",
    "gradients-reach": "the gradient of the logits reaches every prunable tensor",
    "probe-applies": "the gradients and scores that criteria ask for can be computed, in float64 too",
}
"""What every model obeys."""

STRUCTURE_LAWS: Mapping[str, str] = {
    "names-and-shapes": "blocks have one side per dimension; numbers broadcast to the tensor's shape",
    "units-cover": "every prunable weight is in one unit, or in none and says so",
    "units-scored": "every unit has a weight that is scored",
    "whole-units": "a selection leaves every unit whole, or N of it where the structure says so",
    "count-exact": "of N units exactly N - floor(sparsity N) are kept",
    "reproducible": "same arguments, same answer, and no global generator moves",
    "inputs-untouched": "the network stays as it was, to the bit",
}
"""What every structure obeys."""

FLOOR_LAWS: Mapping[str, str] = {
    "names-and-whole-numbers": "whole numbers from 0 for tensors that are there; for each, up to its size, if final",
    "floors-honoured": "a selection leaves every tensor its floor, or all of a smaller one",
    "total-exact": "the total stays what was asked for, unless the floor is final",
    "best-safe": "what a tensor keeps for its floor are its best units",
    "reproducible": "same arguments, same answer, and no global generator moves",
    "order-irrelevant": "the order of the tensors does not matter",
    "inputs-untouched": "the scores stay as they were, to the bit",
}
"""What every floor obeys."""

COUNTING_LAWS: Mapping[str, str] = {
    "in-range": "a whole number from 0 to the number of units",
    "monotone": "a higher sparsity never keeps more",
    "nothing-removed-at-zero": "a sparsity of 0 keeps everything",
    "close-to-asked": "without ties at the threshold the count is within 2 of N - sparsity N",
    "reproducible": "same arguments, same answer, and no global generator moves",
    "inputs-untouched": "the scores stay as they were, to the bit",
}
"""What every counting rule obeys."""

UPDATE_LAWS: Mapping[str, str] = {
    "names-and-shapes": "one bool mask per weight, of its shape",
    "count-kept": "every tensor keeps its number of alive weights, where the update says so",
    "no-revival": "dead weights stay dead, where the update says so",
    "deterministic": "same ingredients and seed, same mask",
    "inputs-untouched": "the ingredients stay as they were, to the bit",
    "rng-untouched": "the global generators of torch, numpy and random stay where they were",
    "order-irrelevant": "the order of the tensors does not matter",
    "full-and-empty": "tensors that are all alive, all dead or without any weight are answered for",
}
"""What every update obeys."""

CLAIMABLE_UPDATE_LAWS: Mapping[str, str] = {
    "drops-smallest": "no weight that dies is larger than one that stays, unless that one was grown again at once",
    "grows-steepest": "no dead weight that is brought back has a smaller gradient than one that stays dead",
    "stops-at-end": "at the end of its window nothing moves any more",
}
"""What an update may claim beyond that."""

SEARCH_LAWS: Mapping[str, str] = {
    "names-and-shapes": "floating-point variables; one gate and one mask per weight, of its shape",
    "gate-differentiable": "the gate has a gradient with respect to every variable tensor",
    "export-exact": "of N weights the exported mask keeps exactly N - floor(sparsity N)",
    "export-deterministic": "same variables, same mask",
    "reproducible": "same seed, same variables and gates, and no global generator moves",
    "inputs-untouched": "weights and variables stay as they were, to the bit",
}
"""What every mask search obeys."""

TRANSFORM_LAWS: Mapping[str, str] = {
    "names-and-shapes": "what is answered has the names, shapes and dtypes of what was given",
    "keeps-promise": "what the transform promises to keep is kept",
    "deterministic": "same ingredients and seed, same answer",
    "seed-used": "another seed gives another answer, where `rng` is asked for",
    "inputs-untouched": "the ingredients stay as they were, to the bit",
    "rng-untouched": "the global generators of torch, numpy and random stay where they were",
}
"""What every transform obeys."""

REGULARIZER_LAWS: Mapping[str, str] = {
    "scalar": "one finite number",
    "nonnegative": "never below zero",
    "differentiable": "it has a gradient, and that is finite",
    "dead-weights-unseen": "dead weights get no gradient",
    "deterministic": "same ingredients, same number",
    "inputs-untouched": "the ingredients stay as they were, to the bit",
}
"""What every regularizer obeys."""

LR_SCHEDULE_LAWS: Mapping[str, str] = {
    "finite-and-nonnegative": "every factor is a finite number, never below zero",
    "reproducible": "same arguments, same answer",
}
"""What every learning-rate schedule obeys."""

METRIC_LAWS: Mapping[str, str] = {
    "value-fits": "the answer is what the metric says it is per: a number, or numbers by tensor or unit",
    "deterministic": "same ingredients and seed, same answer",
    "inputs-untouched": "network, masks and data stay as they were, to the bit",
    "rng-untouched": "the global generators of torch, numpy and random stay where they were",
}
"""What every metric of a network obeys."""

SELECTION_LAWS: Mapping[str, str] = {
    "count-exact": "of N weights exactly N - floor(sparsity N) are kept",
    "best-kept": "no dropped score beats a kept one; equals go by name and index",
    "nested": "masks of rising sparsity are nested, and what is dead stays dead",
    "floors-honoured": "every tensor keeps its floor, and the total stays exact",
    "order-irrelevant": "the order of the tensors does not matter",
    "inputs-untouched": "the scores stay as they were, to the bit",
}
"""What every way to select by scores obeys."""


def entry(law: str) -> str:
    """Return the vocabulary's entry for a law: its own name, or that of its family.

    >>> entry("homogeneous-2"), entry("finite")
    ('homogeneous-K', 'finite')
    """
    return re.sub(r"-(0|[1-9]\d*)$", "-K", law)


def check_declarations(
    label: str,
    every: Mapping[str, str],
    expected_failures: Mapping[str, str],
    *,
    claims: Iterable[str] = (),
    claimable: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Check what the passport of `label` says about laws.

    Args:
        label: kind and id, for the message.
        every: the laws that all of its kind obey; they need no claim.
        expected_failures: law -> reason.
        claims: laws beyond `every`.
        claimable: those that its kind can claim; a failure of one of them can be declared as well.

    Raises:
        BadPlugin: an unknown law, a law claimed that needs no claim or is expected to fail, a failure without a reason.
    """
    claimed = sorted(claims)
    for law in claimed:
        if law in every:
            raise BadPlugin(f'{label} claims the law "{law}", which all obey. Leave it out.')
        _require_known(f'{label} claims the law "{law}"', law, claimable)
        if law in expected_failures:
            raise BadPlugin(f'{label} claims the law "{law}" and expects to fail it. Leave out one of the two.')
    for law, reason in expected_failures.items():
        _require_known(f'{label} expects to fail the law "{law}"', law, {**every, **claimable})
        if not reason.strip():
            raise BadPlugin(f'{label} expects to fail the law "{law}" without a reason. Say why it cannot obey.')


def _require_known(saying: str, law: str, known: Mapping[str, str]) -> None:
    if entry(law) in known and not law.endswith("-K"):
        return
    near = difflib.get_close_matches(law, known, n=1, cutoff=0.5)
    nearest = f' Nearest: "{near[0]}".' if near else ""
    raise BadPlugin(f"{saying}, which is not in the vocabulary.{nearest} Known: {', '.join(known)}.")
