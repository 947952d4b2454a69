import torch

from pruneproof.models.mobilenet_v2_cifar import MOBILENET_V2_CIFAR

CIFAR = (3, 32, 32)


def weights_of(**options: object) -> dict[str, int]:
    with torch.device("meta"):
        network = MOBILENET_V2_CIFAR.build(CIFAR, 10, **options)
    return {name: network.get_parameter(name).numel() for name in MOBILENET_V2_CIFAR.prunable(network)}


def test_sizes_are_those_of_the_global_mp_study() -> None:
    weights = list(weights_of().values())
    assert (sum(weights), len(weights)) == (2_261_824, 58)
    assert weights[52:] == [153_600, 8_640, 307_200, 51_200, 409_600, 12_800]


def test_four_blocks_of_stride_1_that_change_the_channels_have_a_convolution_as_shortcut() -> None:
    shortcuts = {place: size for place, (name, size) in enumerate(weights_of().items(), start=1) if "shortcut" in name}
    assert shortcuts == {5: 512, 9: 384, 37: 6_144, 56: 51_200}


def test_a_quarter_of_the_width_is_the_network_of_the_pilot_runs() -> None:
    weights = weights_of(width=0.25).values()
    assert (sum(weights), len(weights)) == (155_968, 58)


def test_the_identity_control_drops_exactly_the_shortcut_convolutions() -> None:
    full, control = weights_of(), weights_of(shortcut="identity")
    assert control == {name: size for name, size in full.items() if "shortcut" not in name}


def test_at_initialisation_2_percent_by_magnitude_cut_both_paths_of_the_last_block() -> None:
    """A training-free fact: with tensors 55 (projection) and 56 (shortcut) empty, no input reaches the output."""
    torch.manual_seed(0)
    network = MOBILENET_V2_CIFAR.build(CIFAR, 10)
    parameters = dict(network.named_parameters())
    names = MOBILENET_V2_CIFAR.prunable(network)
    every = torch.cat([parameters[name].detach().abs().flatten() for name in names])
    threshold = every.kthvalue(int(0.98 * every.numel())).values
    emptied = set()
    with torch.no_grad():
        for place, name in enumerate(names, start=1):
            parameters[name] *= parameters[name].abs() > threshold
            if not parameters[name].any():
                emptied.add(place)
    assert {55, 56, 57, 58} <= emptied
    assert len(emptied) == 30
    logits = network.eval()(torch.randn(4, *CIFAR))
    assert torch.equal(logits, logits[:1].expand_as(logits))
