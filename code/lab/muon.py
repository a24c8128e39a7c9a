"""Muon for the kernels of convolutions: it steps equally far in all directions.

Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024). PyTorch's own takes
matrices. A kernel is one, with a row for each output channel.
"""

import torch
from torch import Tensor, nn

from .errors import UserError

# As its authors set them where they describe it; the decay is multiplied by the learning rate.
MOMENTUM, WEIGHT_DECAY = 0.95, 0.01
COLORS = 3


def kernels(model: nn.Module) -> list[Tensor]:
    """The kernels (O, I, H, W) that Muon is for: neither depthwise, nor those that see the image.

    The first have one input channel, the others one for each color.
    """
    weights = [weight for weight in model.parameters() if weight.ndim == 4]
    return [weight for weight in weights if weight.shape[1] > COLORS]


def create_muon(weights: list[Tensor], lr: float) -> torch.optim.Optimizer:
    """Muon for kernels (O, I, H, W). It registers a hook on each, which hands over its gradient.

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

    def as_matrix(kernel: Tensor) -> Tensor:
        return kernel.detach().permute(order).view(len(kernel), -1)

    matrix = nn.Parameter(as_matrix(weight))

    def hand_over(kernel: Tensor) -> None:
        assert kernel.grad is not None
        # A view: several processes write the mean of their gradients into it afterwards.
        matrix.grad = as_matrix(kernel.grad)

    weight.register_post_accumulate_grad_hook(hand_over)
    return matrix
