"""Muon for the kernels of convolutions: steps that change all directions alike.

Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024). PyTorch's own takes
matrices. A kernel is one, with a row for each output channel.
"""

import torch
from torch import Tensor, nn

from .errors import UserError

# What it has in PyTorch and in its authors' code for CIFAR10; the decay is per learning rate.
MOMENTUM, WEIGHT_DECAY = 0.95, 0.01


def kernels(model: nn.Module) -> list[Tensor]:
    """The kernels that Muon is for: neither depthwise ones nor those that read the image."""
    return [weight for weight in model.parameters() if weight.ndim == 4 and weight.shape[1] > 3]


def create_muon(weights: list[Tensor], lr: float) -> torch.optim.Optimizer:
    """Muon for these kernels, (O, I, H, W), whose gradients it takes in each backward pass.

    Raises `UserError` if there is none, or PyTorch has no Muon yet.
    """
    if not weights:
        raise UserError("--muon: this network has no convolution that it could step: leave it out")
    if not hasattr(torch.optim, "Muon"):
        raise UserError("--muon needs PyTorch 2.9 or newer: pip install --upgrade torch")
    matrices = [_shared(weight) for weight in weights]
    return torch.optim.Muon(matrices, lr, weight_decay=WEIGHT_DECAY, momentum=MOMENTUM)


def _shared(weight: Tensor) -> nn.Parameter:
    """A kernel as a matrix, (O, I * H * W), on the same memory, and so its gradients."""
    order = (0, 1, 2, 3) if weight.is_contiguous() else (0, 2, 3, 1)  # as it lies there

    def matrix_of(kernel: Tensor) -> Tensor:
        return kernel.detach().permute(order).view(len(kernel), -1)

    matrix = nn.Parameter(matrix_of(weight))

    def take(weight: Tensor) -> None:
        assert weight.grad is not None
        matrix.grad = matrix_of(weight.grad)

    weight.register_post_accumulate_grad_hook(take)
    return matrix
