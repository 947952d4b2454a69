"""All built-in architectures."""

from pruneproof.api import Model
from pruneproof.models.conv_chain import CONV_BN, CONV_CHAIN, VGG_13_RELU_BN
from pruneproof.models.fastgrnn import FASTGRNN
from pruneproof.models.lenet import LENET_5, LENET_5_1998
from pruneproof.models.mlp import LENET_300_100, LENET_300_100_TANH, MLP, MLP_7, MLP_7_LINEAR
from pruneproof.models.mobilenet_v1 import MOBILENET_V1, MOBILENET_V1_CIFAR
from pruneproof.models.mobilenet_v2_cifar import MOBILENET_V2_CIFAR
from pruneproof.models.preact_resnet import PREACT_RESNET_18
from pruneproof.models.resnet_cifar import RESNETS
from pruneproof.models.resnet_imagenet import IMAGENET_RESNETS
from pruneproof.models.vgg import VGG_11_PLAIN, VGGS
from pruneproof.models.wide_resnet import WRNS

MODELS: tuple[Model, ...] = (
    LENET_300_100,
    LENET_300_100_TANH,
    MLP,
    MLP_7,
    MLP_7_LINEAR,
    LENET_5,
    LENET_5_1998,
    *RESNETS,
    *WRNS,
    *VGGS,
    VGG_11_PLAIN,
    PREACT_RESNET_18,
    CONV_CHAIN,
    VGG_13_RELU_BN,
    CONV_BN,
    MOBILENET_V1,
    MOBILENET_V1_CIFAR,
    MOBILENET_V2_CIFAR,
    FASTGRNN,
    *IMAGENET_RESNETS,
)
