"""What every model obeys, as built for the conformance kit (`example_shape`, `example_options`)."""

from functools import lru_cache

import torch
from torch import Tensor, nn

from pruneproof.api import Model
from pruneproof.testing import surroundings
from pruneproof.testing.law import law, require
from pruneproof.testing.strategies import Build
from pruneproof.training.probe import ModelProbe
from pruneproof.training.seeding import seeded
from pruneproof.values.surroundings import settings

CLASSES = 3
MOST_WEIGHTS = 500_000
"""Larger networks are built without memory (on torch's device `meta`) and not run."""


def prunable_names(model: Model, build: Build) -> None:
    """The prunable names are not empty; each is a floating-point parameter of the model, and no tensor comes twice."""
    network = _outline(model)
    names = model.prunable(network)
    parameters = dict(network.named_parameters(remove_duplicate=False))
    advice = "return state-dict names of parameters, as pruneproof.api.conv_and_linear does."
    require(bool(names), "no prunable name at all", advice)
    for name in names:
        require(name in parameters, f'"{name}", which is no parameter', advice)
        require(parameters[name].is_floating_point(), f'"{name}" of {parameters[name].dtype}', advice)
    require(len({id(parameters[name]) for name in names}) == len(names), "a tensor twice", "name a shared tensor once.")


def logits_shape(model: Model, build: Build) -> None:
    """f(x) has the shape (n, classes) for n inputs x, in train and in eval mode."""
    with torch.device("meta"):
        inputs = torch.empty(build.batch, *model.example_shape)
        for mode in (True, False):
            found = tuple(_outline(model).train(mode)(inputs).shape)
            expected = (build.batch, CLASSES)
            require(
                found == expected,
                f"logits of shape {found} instead of {expected}",
                "return one row per input, no softmax.",
            )


def seed_decides(model: Model, build: Build) -> None:
    """Two builds under one seed of torch's global generator are equal, to the bit; under another they differ."""
    first, again, other = (_network(model, seed).state_dict() for seed in (build.seed, build.seed, build.seed + 1))
    advice = "draw the initialisation from torch's global generator, and from nothing else."
    for name, value in first.items():
        require(torch.equal(value, again[name]), f'"{name}" differs between two builds under one seed', advice)
    names = model.prunable(_outline(model))
    require(any(not torch.equal(first[name], other[name]) for name in names), "another seed changes no weight", advice)


def globals_untouched(model: Model, build: Build) -> None:
    """Building and running move no generator but torch's, and no setting; running in eval mode moves none at all."""
    before, set_before = surroundings.generator_states(), settings()
    network = _network(model, build.seed)
    network(_inputs(model, build))
    after = surroundings.generator_states()
    moved = [name for name in ("numpy", "random") if before[name] != after[name]]
    require(not moved, f"the global generator of {', '.join(moved)} moved", "draw from torch's generator only.")
    changed = [name for name, value in settings().items() if value != set_before[name]]
    require(not changed, f"{', '.join(changed)} changed", "set it within a `with` block.")
    inputs, before = _inputs(model, build), surroundings.generator_states()
    network.eval()(inputs)
    still = surroundings.generator_states() == before
    require(still, "a generator moved in eval mode", "draw only while self.training is true.")


def state_dict_round_trip(model: Model, build: Build) -> None:
    """A build under another seed, loaded with the state dict, gives the same logits in eval mode, to the bit."""
    first, second = _network(model, build.seed), _network(model, build.seed + 1)
    inputs = _inputs(model, build)
    first(inputs)  # moves the running statistics, which belong to the state
    advice = "keep everything that decides the logits in parameters and buffers."
    second.load_state_dict(first.state_dict())
    require(torch.equal(first.eval()(inputs), second.eval()(inputs)), "other logits after loading", advice)


def eval_is_pure(model: Model, build: Build) -> None:
    """In eval mode f(x) changes no state, two calls agree to the bit, and f(x)_i depends on x_i only (to 1e-4)."""
    network, inputs = _network(model, build.seed).eval().requires_grad_(False), _inputs(model, build)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    logits = network(inputs)
    for name, value in network.state_dict().items():
        require(torch.equal(value, before[name]), f'"{name}" moved', "update buffers only while self.training is true.")
    require(torch.equal(network(inputs), logits), "two calls differ", "nothing may be random in eval mode.")
    alone = network(inputs[:1])
    close = torch.allclose(alone[0], logits[0], rtol=1e-4, atol=1e-4 * float(logits.abs().max()))
    require(close, "a sample alone gets other logits", "normalise over channels or with running statistics.")


def gradients_reach(model: Model, build: Build) -> None:
    """∂ Σ_ij r_ij f(x)_ij / ∂w_l is finite and not all zero for every prunable tensor w_l and random directions r."""
    network = _network(model, build.seed)
    logits = network(_inputs(model, build))
    (logits * torch.randn(logits.shape, generator=torch.Generator().manual_seed(build.seed))).sum().backward()
    for name in model.prunable(network):
        gradient = network.get_parameter(name).grad
        advice = "connect the layer to the logits without detach, or leave it out of the prunable names."
        require(gradient is not None and bool(gradient.any()), f'no gradient reaches "{name}"', advice)
        require(
            gradient is not None and bool(gradient.isfinite().all()), f'a gradient of "{name}" is not finite', advice
        )


def probe_applies(model: Model, build: Build) -> None:
    """The loss's gradient, Hessian-vector product and curvature, and SynFlow's flow in float64, go through f."""
    network, names = _network(model, build.seed), model.prunable(_outline(model))
    labels = torch.arange(build.batch) % CLASSES
    probe = ModelProbe(network, names, None, [(_inputs(model, build), labels)])
    probe.hessian_vector(probe.gradients())
    probe.curvature()
    probe.gradients(inputs="ones", objective="sum-output", every=torch.abs, train_mode=False, double=True)


def _network(model: Model, seed: int) -> nn.Module:
    with seeded(seed):
        return model.build(model.example_shape, CLASSES, **model.example_options)


def _inputs(model: Model, build: Build) -> Tensor:
    return torch.randn(build.batch, *model.example_shape, generator=torch.Generator().manual_seed(build.seed))


def _outline(model: Model) -> nn.Module:
    """Build the network's shapes without its numbers."""
    with torch.device("meta"):
        return model.build(model.example_shape, CLASSES, **model.example_options)


@lru_cache(maxsize=64)
def _size(build: object, shape: tuple[int, ...], options: tuple[tuple[str, object], ...]) -> int:
    with torch.device("meta"):
        network: nn.Module = build(shape, CLASSES, **dict(options))  # type: ignore[operator]
    return sum(each.numel() for each in network.parameters())


def _too_large(model: Model) -> str:
    try:
        size = _size(model.build, model.example_shape, tuple(sorted(model.example_options.items())))
    except Exception:
        return ""  # the laws will find it
    if size <= MOST_WEIGHTS:
        return ""
    return f"{size:,} parameters; up to {MOST_WEIGHTS:,} are run (example_options may build a smaller one)"


LAWS = (
    law(prunable_names),
    law(logits_shape),
    law(seed_decides, skip=_too_large),
    law(globals_untouched, skip=_too_large),
    law(state_dict_round_trip, skip=_too_large),
    law(eval_is_pure, skip=_too_large),
    law(gradients_reach, skip=_too_large),
    law(probe_applies, skip=_too_large),
)
