"""Which numerics classes this machine can compute in, and whether this process does."""

import os
import platform
from collections.abc import Callable

import torch

from pruneproof.contracts.numerics import NATIVE, NUMERICS, Numerics
from pruneproof.errors import NumericsMissing, UnknownName


def obstacle(numerics: Numerics, device: str) -> str:
    """Return why a class cannot be computed in here; empty where it can.

    >>> obstacle(NUMERICS["portable"], "cuda")
    'it is for CPUs, and the device is cuda'
    """
    if numerics is NATIVE:
        return ""
    if device != "cpu":
        return f"it is for CPUs, and the device is {device}"
    machine = platform.machine()
    if machine.lower() not in ("x86_64", "amd64"):
        return f"it needs an x86-64 processor, and this one is {machine}"
    if not torch.backends.mkl.is_available():  # type: ignore[no-untyped-call]
        return f"it needs a torch that is built with MKL, and {torch.__version__} is not"
    if numerics.onednn and not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return f"it needs a torch that is built with oneDNN, and {torch.__version__} is not"
    found = torch.backends.cpu.get_cpu_capability()
    if numerics.capability == "AVX2" and found not in ("AVX2", "AVX512"):
        return f"it needs AVX2 and FMA, and torch finds {found} here"
    return ""


def choose_numerics(asked: str | None, named: str, device: str, log: Callable[[str], None]) -> Numerics:
    """Return the class of a run: as asked, otherwise as its profile names it, `native` where that cannot be.

    Args:
        asked: `--numerics`; None leaves it to the profile.
        named: the profile's.
        device: `cpu` or `cuda`.
        log: hears that a profile's class cannot be computed in.

    Raises:
        UnknownName: there is no such class.
        NumericsMissing: the class was asked for and cannot be computed in here.
    """
    if asked is not None and asked not in NUMERICS:
        raise UnknownName.among("numerics class", asked, NUMERICS, where="--numerics")
    chosen = NUMERICS[asked or named]
    why = obstacle(chosen, device)
    if not why:
        return chosen
    if asked is not None:
        raise NumericsMissing(
            f"numerics class {asked} cannot be computed in: {why}. Use --numerics native, or a machine that can; "
            "`repro doctor` shows what this one can do."
        )
    log(
        f"this profile computes in numerics class {chosen.id}, which cannot be done: {why}. Numerics class native is "
        "used; digests will not agree with those of other machines, and the record says so."
    )
    return NATIVE


def reach() -> list[str]:
    """Return, in sentences, whose records this machine can and cannot reproduce bit for bit."""
    minor = ".".join(torch.__version__.split(".")[:2])
    can = [each.id for each in NUMERICS.values() if each is not NATIVE and not obstacle(each, "cpu")]
    cannot = [each.id for each in NUMERICS.values() if each is not NATIVE and obstacle(each, "cpu")]
    found = [f"records in {name} of any machine that can compute in it, with torch {minor}" for name in can]
    found += [f"no record in {name}" for name in cannot]
    found.append(f"records in native of the same model of processor or GPU only, with torch {minor}")
    found.append(f"no record of another minor version of torch than {minor}: its kernels may differ")
    if torch.cuda.is_available():
        found.append("no record of a CPU with --device cuda, and none of a GPU with --device cpu")
    return found


def is_started_for(numerics: Numerics) -> bool:
    """Say whether this process has the environment of a class."""
    return all(os.environ.get(name) == value for name, value in numerics.environment.items())


def check_capability(numerics: Numerics) -> None:
    """Check that torch computes as a class says.

    Raises:
        NumericsMissing: it does not; its environment came after torch, or another one was set before.
    """
    found = torch.backends.cpu.get_cpu_capability()
    if numerics.capability not in ("", found):
        raise NumericsMissing(
            f"numerics class {numerics.id} needs torch to compute with {numerics.capability}, and in this process it "
            f"computes with {found}. Unset {', '.join(numerics.environment)}, and run again."
        )
