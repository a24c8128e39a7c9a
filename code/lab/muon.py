"""Muon for the kernels of hidden convolutions: SGD with momentum, its updates orthogonalized.

Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024). PyTorch's own takes
matrices alone, so it gets each kernel as one, with a row for each output channel.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from .errors import UserError

# As in its authors' README; PyTorch multiplies the decay by the learning rate.
MOMENTUM, WEIGHT_DECAY = 0.95, 0.01
COLORS = 3


def is_hidden_kernel(weight: Tensor) -> bool:
    """Whether Muon trains a weight: a kernel (O, I, H, W), not depthwise, that sees no image."""
    return weight.ndim == 4 and weight.shape[1] > COLORS


class SGDWithMuon(torch.optim.SGD):
    """SGD, and Muon for the kernels of hidden convolutions among its weights.

    Where the learning rate of SGD is `lr`, that of Muon is `muon`, and it rises and falls with it.
    A closure's gradients would all go to SGD: `step` takes those that are there.
    Raises `UserError` if no weight is such a kernel, or PyTorch has no Muon yet.
    """

    def __init__(self, groups: list[dict[str, Any]], muon: float, **settings: Any) -> None:
        super().__init__(groups, **settings)
        weights = [each for group in self.param_groups for each in group["params"]]
        self.kernels = [each for each in weights if is_hidden_kernel(each)]
        if not self.kernels:
            raise UserError("--muon: this network has no hidden convolution to train: omit it")
        if not hasattr(torch.optim, "Muon"):
            raise UserError("--muon needs PyTorch 2.9 or newer: pip install --upgrade torch")
        matrices = [nn.Parameter(_as_matrix(each, each)) for each in self.kernels]
        self.muon = torch.optim.Muon(matrices, weight_decay=WEIGHT_DECAY, momentum=MOMENTUM)
        self.ratio = muon / settings["lr"]

    def step(self, closure: Any = None) -> Any:
        (group,) = self.muon.param_groups
        group["lr"] = self.ratio * self.param_groups[0]["lr"]
        for matrix, kernel in zip(group["params"], self.kernels, strict=True):
            matrix.grad = None if kernel.grad is None else _as_matrix(kernel.grad, kernel)
            kernel.grad = None  # so that SGD leaves it alone
        self.muon.step()
        return super().step(closure)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "muon": self.muon.state_dict()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        own = dict(state_dict)
        self.muon.load_state_dict(own.pop("muon"))
        super().load_state_dict(own)


def _as_matrix(value: Tensor, kernel: Tensor) -> Tensor:
    """A kernel or its gradient as a matrix, a row for each output channel, on the same memory."""
    order = (0, 1, 2, 3) if kernel.is_contiguous() else (0, 2, 3, 1)  # as it lies there
    return value.detach().permute(order).view(len(kernel), -1)
