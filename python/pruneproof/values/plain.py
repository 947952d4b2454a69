"""Which torch tensors are plain memory, and what to do about one that is not."""

from typing import TYPE_CHECKING

from pruneproof.errors import BadTensor

if TYPE_CHECKING:
    import torch


def check_plain(name: str, tensor: "torch.Tensor") -> None:
    """Check that the values of a tensor are memory of this process, one place for each.

    >>> import torch
    >>> check_plain("w", torch.ones(2))

    Raises:
        BadTensor: it has no values (meta, fake, lazy), or they are somewhere else (DTensor and other wrappers), nested,
            sparse or quantised; the message says what to use instead.
    """
    if problem := _problem(tensor):
        raise BadTensor(f'"{name}" {problem}')


def _problem(tensor: "torch.Tensor") -> str:
    import torch

    if isinstance(tensor, torch.nn.parameter.UninitializedParameter | torch.nn.parameter.UninitializedBuffer):
        return "has no values yet. Run a batch through the module first."
    if type(tensor).__torch_dispatch__ is not torch.Tensor.__torch_dispatch__:
        return _of_wrapper(type(tensor))
    if tensor.is_meta:
        return "is on the device meta and has no values. Load or initialise it first (`to_empty`, `load_state_dict`)."
    if tensor.is_nested:
        return "is a nested tensor. Pass its parts (`unbind`) by names of their own."
    if tensor.layout != torch.strided:
        return f"has the layout {tensor.layout}; dense (strided) tensors are taken: `to_dense`."
    if tensor.is_quantized:
        return f"is quantised ({tensor.dtype}). Prune before it is quantised, or pass its `dequantize()`."
    return ""


def _of_wrapper(kind: type) -> str:
    names = {each.__name__ for each in kind.__mro__}
    if "DTensor" in names:
        return (
            "is a DTensor, whose values are spread over processes. Rank and mask the local parts (`to_local`) with "
            "pruneproof.distributed, or pass its `full_tensor()`."
        )
    if "FakeTensor" in names:
        return "is a FakeTensor, which has a shape and no values. Leave the fake mode first."
    return (
        f"is of class {kind.__name__}, whose values are not plain memory. Pass a plain tensor of them; for one that is "
        "quantised, prune before it is quantised, or pass its `dequantize()`."
    )
