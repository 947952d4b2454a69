import torch

from pruneproof.models.mobilenet_v1 import MOBILENET_V1


def test_sizes_are_those_of_the_global_mp_study_on_imagenet() -> None:
    with torch.device("meta"):
        network = MOBILENET_V1.build((3, 224, 224), 1000)
    weights = [network.get_parameter(name).numel() for name in MOBILENET_V1.prunable(network)]
    assert (sum(weights), len(weights)) == (4_209_088, 28)
    assert dict(network.named_parameters()).get("classifier.bias") is None
    # At a floor of 8,418 weights, 15 tensors with 46,528 weights are kept whole.
    below = [each for each in weights if each < 8_418]
    assert (len(below), sum(below)) == (15, 46_528)


def test_the_cifar_form_has_the_parameters_of_a_released_code_less_the_ten_biases_of_its_classifier() -> None:
    with torch.device("meta"):
        network = MOBILENET_V1.build((3, 32, 32), 10, small=True)
    assert sum(each.numel() for each in network.parameters()) == 3_217_226 - 10


def test_at_initialisation_10_percent_by_magnitude_empty_the_last_two_tensors_and_24_72_percent_none() -> None:
    torch.manual_seed(0)
    network = MOBILENET_V1.build((3, 224, 224), 1000)
    names = MOBILENET_V1.prunable(network)
    magnitudes = [network.get_parameter(name).detach().abs().flatten() for name in names]
    every = torch.cat(magnitudes)

    def emptied(sparsity: float) -> list[int]:
        threshold = every.kthvalue(int(sparsity * every.numel())).values
        return [number for number, each in enumerate(magnitudes, start=1) if not (each > threshold).any()]

    assert emptied(0.90) == [27, 28]
    assert emptied(0.7528) == []


def test_a_quarter_of_the_width_keeps_the_layout() -> None:
    with torch.device("meta"):
        network = MOBILENET_V1.build((3, 32, 32), 10, width=0.25, small=True)
        assert network(torch.empty(2, 3, 32, 32)).shape == (2, 10)
    assert network.get_parameter("conv.weight").shape == (8, 3, 3, 3)
    assert network.get_parameter("block13.pointwise.weight").shape == (256, 256, 1, 1)
