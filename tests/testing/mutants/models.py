"""Models that are each wrong in one way, and the law meant to tell."""

import numpy as np
import torch
from torch import nn

from mutants.mutant import MUTANTS, SOURCE, Mutant
from pruneproof.api import Model


class Plain(nn.Module):
    def __init__(self, shape, classes):
        super().__init__()
        self.hidden = nn.Linear(int(np.prod(shape)), 4)
        self.classifier = nn.Linear(4, classes)

    def forward(self, x):
        return self.classifier(self.hidden(x.flatten(1)).relu())


class Moving(Plain):
    def __init__(self, shape, classes):
        super().__init__(shape, classes)
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x):
        self.seen += 1
        return super().forward(x)


class Secretive(Plain):
    def __init__(self, shape, classes):
        super().__init__(shape, classes)
        self.secret = torch.randn(classes)

    def forward(self, x):
        return super().forward(x) + self.secret


class Detached(Plain):
    def forward(self, x):
        return self.classifier(self.hidden(x.flatten(1)).detach().relu())


class SinglePrecision(Plain):
    def forward(self, x):
        return super().forward(x.float())


class Features(Plain):
    def forward(self, x):
        return self.hidden(x.flatten(1))


class Contagious(Plain):
    def forward(self, x):
        logits = super().forward(x)
        return logits - logits.mean(0)


class DropsInEval(Plain):
    def forward(self, x):
        return nn.functional.dropout(super().forward(x), 0.5)


class NumpyInitialised(Plain):
    def __init__(self, shape, classes):
        super().__init__(shape, classes)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.from_numpy(np.random.default_rng(0).normal(size=parameter.shape)))


def numpy_global(shape, classes):
    np.random.rand()
    return Plain(shape, classes)


for law, build, says in (
    ("logits-shape", Features, "instead of"),
    ("seed-decides", NumpyInitialised, "another seed changes no weight"),
    ("globals-untouched", numpy_global, "generator of numpy"),
    ("globals-untouched", DropsInEval, "self.training"),
    ("state-dict-round-trip", Secretive, "parameters and buffers"),
    ("eval-is-pure", Moving, "self.training"),
    ("eval-is-pure", Contagious, "alone"),
    ("gradients-reach", Detached, "without detach"),
    ("probe-applies", SinglePrecision, "RuntimeError"),
):
    MUTANTS.append(Mutant(law, Model(build.__name__.lower(), build, SOURCE), says))


def misnamed(_):
    return ["hidden.weights"]


MUTANTS.append(Mutant("prunable-names", Model("misnamed", Plain, SOURCE, prunable=misnamed), "no parameter"))
