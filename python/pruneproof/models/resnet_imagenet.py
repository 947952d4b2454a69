"""ResNet-18, -34 and -50 for ImageNet, as torchvision builds them."""

from collections.abc import Sequence

from torch import nn

from pruneproof.api import Model, Source
from pruneproof.models.arguments import image_shape
from pruneproof.models.init import he_normal, reset_and

SOURCE = Source(
    "K. He, X. Zhang, S. Ren, J. Sun", 2016, "Deep residual learning for image recognition", "1512.03385", "table 1"
)


INITIALISE = reset_and(lambda model: he_normal(model, "fan_out"))


def _named(depth: int) -> Model:
    name = f"resnet-{depth}"

    def build(shape: Sequence[int], classes: int, *, small: bool = False) -> nn.Module:
        """Build torchvision's ResNet, untrained, for images of any number of channels.

        Strides of bottlenecks lie in the 3x3 convolution. The network divides the side by 32; with `small` the first
        convolution is 3x3 of stride 1 and the max-pooling is left out, so it divides by 8 (the usual CIFAR form).

        Deviation from torchvision: activations are not in place, so that what a hook sees stays as it was.

        Raises:
            BadConfig: the input is no image or smaller than 32x32 (8x8 with `small`).
        """
        advice = "" if small else "Set small = true for a first convolution of stride 1, which takes 8x8 and above."
        channels, _, _ = image_shape(name, shape, smallest=8 if small else 32, advice=advice)
        from torchvision import models  # here, because listing models must stay quick

        model: nn.Module = models.get_model(f"resnet{depth}", weights=None, num_classes=classes)
        if small:
            model.conv1 = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
            model.maxpool = nn.Identity()
            he_normal(model.conv1, "fan_out")  # as torchvision draws its own
        elif channels != 3:
            model.conv1 = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
            he_normal(model.conv1, "fan_out")
        for part in model.modules():
            if isinstance(part, nn.ReLU):
                part.inplace = False
        return model

    return Model(name, build, SOURCE, example_options={"small": True}, initialise=INITIALISE)


IMAGENET_RESNETS = (_named(18), _named(34), _named(50))
