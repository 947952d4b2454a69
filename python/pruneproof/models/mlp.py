"""Multilayer perceptrons: LeNet-300-100, MLP-7 and the generalisation to any hidden widths."""

from collections import OrderedDict
from collections.abc import Sequence
from math import prod

from torch import nn

from pruneproof.api import BadConfig, Model, Source
from pruneproof.models.arguments import at_least
from pruneproof.models.init import he_normal_everywhere, reset_and

SOURCE = Source(
    "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner", 1998, "Gradient-based learning applied to document recognition"
)

LEE = Source(
    "N. Lee, T. Ajanthan, S. Gould, P. H. S. Torr",
    2020,
    "A signal propagation perspective for pruning neural networks at initialization",
    "1906.06307",
    "MLP-7-linear, MLP-7-relu; as in the code of arXiv 2207.12534",
)


def mlp(shape: Sequence[int], classes: int, *, hidden: Sequence[int] = (300, 100)) -> nn.Module:
    """Build a fully connected ReLU network: flatten, `fc1` ... `fcN` of the `hidden` widths, and a linear `classifier`.

    Takes inputs of any shape; initialised as PyTorch does, U(-1/sqrt(fan_in), 1/sqrt(fan_in)).

    >>> [tuple(weight.shape) for weight in mlp((1, 8, 8), 10, hidden=(16,)).parameters()]
    [(16, 64), (16,), (10, 16), (10,)]

    Raises:
        BadConfig: the input is empty or a width is no positive whole number.
    """
    features = prod(shape)
    if features < 1:
        raise BadConfig(f'model "mlp" cannot be built for inputs of shape {tuple(shape)}: it holds no values.')
    layers = OrderedDict[str, nn.Module](flatten=nn.Flatten())
    for number, width in enumerate(hidden, start=1):
        layers[f"fc{number}"] = nn.Linear(features, at_least("mlp", "hidden", width, 1))
        layers[f"relu{number}"] = nn.ReLU()
        features = width
    layers["classifier"] = nn.Linear(features, classes)
    return nn.Sequential(layers)


def lenet_300_100(shape: Sequence[int], classes: int) -> nn.Module:
    """Build LeNet-300-100: hidden layers of 300 and 100; 266,610 parameters on MNIST, of which 266,200 are weights.

    The 1998 network squashes with a scaled tanh; this is the ReLU version that the pruning literature uses.

    >>> sum(each.numel() for each in lenet_300_100((1, 28, 28), 10).parameters())
    266610
    """
    return mlp(shape, classes, hidden=(300, 100))


def lenet_300_100_tanh(shape: Sequence[int], classes: int) -> nn.Module:
    """Build LeNet-300-100 with tanh units, weights drawn from He's normal distribution by fan-in, biases zero.

    The MNIST network in the code of Laurent et al. (2020), arXiv 2006.12279.

    >>> model = lenet_300_100_tanh((1, 28, 28), 10)
    >>> sum(each.numel() for each in model.parameters()), type(model.act1).__name__
    (266610, 'Tanh')
    """
    features = prod(shape)
    if features < 1:
        raise BadConfig(f'model "lenet-300-100-tanh" cannot be built for inputs of shape {tuple(shape)}: no values.')
    model = nn.Sequential(
        OrderedDict[str, nn.Module](
            flatten=nn.Flatten(),
            fc1=nn.Linear(features, 300),
            act1=nn.Tanh(),
            fc2=nn.Linear(300, 100),
            act2=nn.Tanh(),
            classifier=nn.Linear(100, classes),
        )
    )
    he_normal_everywhere(model)
    return model


def mlp_7(shape: Sequence[int], classes: int, *, width: int = 100) -> nn.Module:
    """Build MLP-7-ReLU: seven linear layers, the six hidden ones of `width` units, ReLU between them.

    The network of Lee et al. (2020), arXiv 1906.06307, as the code of Wang and Fu (2023), arXiv 2207.12534, has it:
    on images of 32x32 pixels 153,400 weights and 610 biases. Initialised as PyTorch does.

    >>> sum(each.numel() for each in mlp_7((1, 32, 32), 10).parameters())
    154010
    """
    return mlp(shape, classes, hidden=(width,) * 6)


def mlp_7_linear(shape: Sequence[int], classes: int, *, width: int = 100) -> nn.Module:
    """Build MLP-7-Linear: `mlp_7` without any activation, so that its Jacobian is the product of its weights.

    From the same codes; `fc1` ... `fc6` and `classifier` are named and initialised alike.

    >>> model = mlp_7_linear((1, 8, 8), 10, width=20)
    >>> [type(part).__name__ for part in model], tuple(model.fc6.weight.shape)
    (['Flatten', 'Linear', 'Linear', 'Linear', 'Linear', 'Linear', 'Linear', 'Linear'], (20, 20))
    """
    layers = mlp_7(shape, classes, width=width).named_children()
    return nn.Sequential(OrderedDict((name, part) for name, part in layers if not isinstance(part, nn.ReLU)))


LENET_300_100 = Model("lenet-300-100", lenet_300_100, SOURCE)
LENET_300_100_TANH = Model("lenet-300-100-tanh", lenet_300_100_tanh, SOURCE, initialise=reset_and(he_normal_everywhere))
MLP = Model("mlp", mlp, SOURCE)
MLP_7 = Model("mlp-7", mlp_7, LEE, example_options={"width": 8})
MLP_7_LINEAR = Model("mlp-7-linear", mlp_7_linear, LEE, example_options={"width": 8})
