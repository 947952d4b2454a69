from pruneproof.models.mlp import LENET_300_100, MLP


def test_lenet_300_100_has_its_published_size_on_mnist() -> None:
    model = LENET_300_100.build((1, 28, 28), 10)
    parameters = dict(model.named_parameters())
    assert sum(each.numel() for each in parameters.values()) == 266_610
    assert [parameters[name].numel() for name in LENET_300_100.prunable(model)] == [235_200, 30_000, 1_000]


def test_an_mlp_without_hidden_layers_is_a_linear_classifier() -> None:
    model = MLP.build((3, 4), 5, hidden=())
    assert {name: tuple(each.shape) for name, each in model.named_parameters()} == {
        "classifier.weight": (5, 12),
        "classifier.bias": (5,),
    }
