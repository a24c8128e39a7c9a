# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The pieces
#
# The companion of the slide **Putting the pieces together**: fully connected layer, convolution,
# max pooling, sigmoid, ReLU, batch norm, softmax, dropout. Each is a formula, then a few lines of
# tensor operations, then a check against PyTorch's own.
#
# `python code/pieces.py` trains nothing: in seconds it prints the checks and the costs. A notebook
# shows the drawings of the slides beside them.
#
# The letters: N images or vectors, C channels in, D channels out, H x W pixels, K x K kernels.

# %%
from collections.abc import Callable

import lab  # isort: skip (before torch, for Ctrl-C)
import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

# %% [markdown]
# Two tools: one says which shapes do not fit, the other compares our numbers with PyTorch's. Their
# last digits may differ, because the sums are taken in a different order.


# %%
def check(rule: str, *tensors: Tensor) -> None:
    """Raise ValueError unless shapes fit a rule such as "NC, DC, D": one size for each letter."""
    sizes: dict[str, int] = {}
    for letters, tensor in zip(rule.split(", "), tensors, strict=True):
        pairs = zip(letters, tensor.shape, strict=False)
        if len(letters) != tensor.ndim or any(sizes.setdefault(*pair) != pair[1] for pair in pairs):
            got = ", ".join(str(tuple(each.shape)) for each in tensors)
            raise ValueError(f"shapes must fit {rule}, with one size for each letter, not {got}")


def compare(name: str, ours: Tensor, theirs: Tensor) -> None:
    """Print the largest difference; raise AssertionError if it is more than rounding."""
    torch.testing.assert_close(ours, theirs)
    print(f"{name}: {tuple(ours.shape)}, largest difference {(ours - theirs).abs().max():.1e}")


# %% [markdown]
# ## Fully connected
#
# $$y_d = \sum_c W_{dc} x_c + b_d$$
#
# Every output looks at every input, with a weight for each pair. In matrices that is $y = W x + b$;
# in the code each row of `x` is a vector, so `W` is transposed.
#
# In the picture each line is a weight: the thicker, the larger; negative ones are dashed.


# %%
def fully_connected(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Weighted sums of all inputs: (N, C), (D, C), (D,) -> (N, D)."""
    check("NC, DC, D", x, weight, bias)
    return x @ weight.T + bias


@lab.demo
def weighted_sums() -> str:
    torch.manual_seed(0)
    x, weight, bias = torch.randn(2, 8), torch.randn(5, 8), torch.randn(5)
    compare("fully connected", fully_connected(x, weight, bias), F.linear(x, weight, bias))
    return "pieces-fully-connected"


# %% [markdown]
# ## Convolution
#
# $$y_{dhw} = \sum_{c,i,j} W_{dcij} \, x_{c,Sh+i,Sw+j} + b_d$$
#
# An output looks at one window of K x K pixels, and every window has the same weights, so a pattern
# is found wherever it is. The next window is S pixels away: the stride. Padding puts a frame of P
# zeros around the image. From H pixels we get
#
# $$H' = \left\lfloor \frac{H + 2P - K}{S} \right\rfloor + 1$$
#
# (Mathematicians call this a cross-correlation. Their convolution rotates the kernel by 180
# degrees, but weights that are learned need no rotation.)
#
# In the picture a kernel subtracts left from right and finds the edge of a bright shape. Below it
# are the costs of 16 maps of a 32x32 image: with a weight for each pair, and with 3x3 kernels.


# %%
def output_side(side: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    """The shape rule: the height or width, in pixels, that a convolution or a pooling returns."""
    return (side + 2 * padding - kernel) // stride + 1


def windows(x: Tensor, size: int, stride: int) -> Tensor:
    """Cut out all windows: (N, C, H, W) -> (N, C, H', W', size, size)."""
    check("NCHW", x)
    if size > min(x.shape[2:]):
        raise ValueError(f"no window of {size} x {size} fits into {tuple(x.shape)}")
    return x.unfold(2, size, stride).unfold(3, size, stride)


def convolution(
    x: Tensor, weight: Tensor, bias: Tensor, stride: int = 1, padding: int = 0
) -> Tensor:
    """Weighted sums of windows: (N, C, H, W), (D, C, K, K), (D,) -> (N, D, H', W')."""
    check("NCHW, DCKK, D", x, weight, bias)
    x = F.pad(x, (padding, padding, padding, padding))
    size = weight.shape[2]
    patches = windows(x, size, stride)  # (N, C, H', W', K, K)
    y = torch.einsum("nchwij,dcij->ndhw", patches, weight)
    return y + bias[:, None, None]  # (N, D, H', W')


@lab.demo
def the_edge_of_a_shape() -> str:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 32, 32)
    for kernel, stride, padding in ((5, 1, 0), (3, 1, 1), (3, 2, 1), (1, 1, 0)):
        weight = torch.randn(6, 3, kernel, kernel) / kernel  # keeps the sums near 1
        bias = torch.randn(6)
        y = convolution(x, weight, bias, stride, padding)
        name = f"convolution {kernel}x{kernel}, stride {stride}, padding {padding}"
        compare(name, y, F.conv2d(x, weight, bias, stride, padding))
        assert y.shape[2:] == (output_side(32, kernel, stride, padding),) * 2
    return "pieces-convolution"


@lab.demo
def what_sharing_saves() -> None:
    with torch.device("meta"):  # counts need no memory for 50 million weights
        connected = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 16 * 32 * 32))
        shared = nn.Conv2d(3, 16, kernel_size=3, padding=1)
    for name, layer in (("fully connected", connected), ("convolution", shared)):
        macs = lab.count_macs(layer, (1, 3, 32, 32))
        print(f"{name:16}{lab.count_parameters(layer):>12,} parameters{macs:>12,} MACs")


# %% [markdown]
# ## Max pooling
#
# $$y_{chw} = \max_{i,j} \, x_{c,Sh+i,Sw+j}$$
#
# Only the strongest response in each window remains, separately for each channel. Sides shrink as
# they do in a convolution, and nothing is learned. With 2x2 windows and stride 2, a quarter of the
# pixels remain for the next layers to work on.


# %%
def max_pooling(x: Tensor, size: int = 2, stride: int = 2) -> Tensor:
    """The largest value in each window: (N, C, H, W) -> (N, C, H', W')."""
    return windows(x, size, stride).amax((4, 5))


@lab.demo
def the_strongest_answers() -> str:
    torch.manual_seed(0)
    x = torch.randn(2, 6, 28, 28)
    compare("max pooling 2x2, stride 2", max_pooling(x), F.max_pool2d(x, 2, 2))
    compare("max pooling 3x3, stride 2", max_pooling(x, 3, 2), F.max_pool2d(x, 3, 2))
    return "pieces-max-pooling"


# %% [markdown]
# ## Sigmoid and ReLU
#
# $$\sigma(x) = \frac{1}{1 + e^{-x}} \qquad \mathrm{ReLU}(x) = \max(0, x)$$
#
# With nothing nonlinear between them, two layers are only one: $W_2 (W_1 x) = (W_2 W_1) x$. The
# sigmoid squeezes any number into (0, 1); the rectified linear unit (Nair and Hinton, ICML 2010)
# cuts off the negative half. Both work number by number: shapes stay the same, and nothing is
# learned.


# %%
def sigmoid(x: Tensor) -> Tensor:
    """Any shape; every number goes into (0, 1)."""
    return 1 / (1 + torch.exp(-x))


def relu(x: Tensor) -> Tensor:
    """Any shape; every negative number becomes zero."""
    return torch.where(x <= 0, 0, x)


@lab.demo
def activations() -> str:
    torch.manual_seed(0)
    x = torch.randn(4, 100)
    compare("sigmoid", sigmoid(x), F.sigmoid(x))
    compare("ReLU", relu(x), F.relu(x))
    return "pieces-sigmoid"


# %% [markdown]
# On the way back each layer multiplies the gradient by its slope. The sigmoid's, $y (1 - y)$, is at
# most 1/4, and near 0 far from the middle. ReLU's is 1 wherever the unit is on, and a ReLU costs a
# comparison instead of an exponential and a division. After twenty layers, with no weights in
# between, this much of a gradient is left:


# %%
def slope_at_depth(activation: Callable[[Tensor], Tensor], depth: int, start: float = 1.0) -> float:
    """The derivative, at `start`, of an activation applied `depth` times."""
    x = torch.tensor(start, requires_grad=True)
    y = x
    for _ in range(depth):
        y = activation(y)
    return torch.autograd.grad(y, x)[0].item()


@lab.demo
def slopes() -> str:
    for name, activation in (("sigmoid", sigmoid), ("ReLU", relu)):
        print(f"{name:8}once {slope_at_depth(activation, 1):.2f}", end=", ")
        print(f"twenty times {slope_at_depth(activation, 20):.1e}")
    return "pieces-relu"


# %% [markdown]
# ## Batch norm
#
# $$y = \gamma \, \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta$$
#
# Every channel gets the same scale, however the layers before it change (Ioffe and Szegedy, ICML
# 2015). In train mode $\mu$ and $\sigma^2$ are the mean and the variance of a channel over all
# images and pixels of the batch. Then $\gamma$ and $\beta$ restore whatever scale is best: they are
# learned, 2C parameters in all.
#
# In eval mode the answer for an image must not depend on the other images of its batch. So training
# keeps a running mean and a running variance, and eval mode uses these instead. If you forget
# `model.eval()`, the images of a batch change each other's results.


# %%
class BatchNorm2d(nn.Module):
    """Each channel with mean 0 and variance 1, then scaled: (N, C, H, W) -> (N, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))  # gamma
        self.bias = nn.Parameter(torch.zeros(channels))  # beta
        self.running_mean = nn.Buffer(torch.zeros(channels))
        self.running_var = nn.Buffer(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        check("NCHW, C", x, self.weight)
        x = x.movedim(1, 3)  # (N, H, W, C)
        mean, var = self.running_mean, self.running_var
        if self.training:  # those of the batch
            var, mean = torch.var_mean(x, (0, 1, 2), correction=0)
            self.remember(x.detach())
        x = (x - mean) / (var + 1e-5).sqrt()
        return (self.weight * x + self.bias).movedim(3, 1)

    def remember(self, x: Tensor) -> None:
        """Move the running statistics a tenth of the way to those of a batch, (N, H, W, C)."""
        var, mean = torch.var_mean(x, (0, 1, 2))  # unbiased, as all images are meant
        self.running_mean.lerp_(mean, 0.1)
        self.running_var.lerp_(var, 0.1)


@lab.demo
def one_image_in_two_batches() -> None:
    torch.manual_seed(0)
    ours, theirs = BatchNorm2d(6), nn.BatchNorm2d(6)
    x = 3 * torch.randn(8, 6, 10, 10) + 5
    compare("batch norm in train mode", ours(x), theirs(x))
    compare("batch norm in eval mode", ours.eval()(x), theirs.eval()(x))
    for mode in ("train", "eval"):
        ours.train(mode == "train")
        change = (ours(x)[0] - ours(x[:4])[0]).abs().max()
        print(f"{mode} mode, half of the batch left out: an image changes by {change:.2f}")
    print(f"batch norm of 6 channels: {lab.count_parameters(ours)} parameters")


# %% [markdown]
# ## Softmax
#
# $$p_d = \frac{e^{x_d}}{\sum_k e^{x_k}}$$
#
# D numbers of any size, the logits, become D probabilities that add up to 1. Training makes the
# probability of the right class y larger: its loss is the cross-entropy, $-\log p_y$.
#
# The exponential of 89 is too large for single precision, so the largest logit is subtracted first:
# numerator and denominator shrink by the same factor, and no exponential is larger than 1.


# %%
def softmax(x: Tensor, dim: int = 1) -> Tensor:
    """Logits -> probabilities along a dimension: (N, D) -> (N, D)."""
    powers = torch.exp(x - x.amax(dim, keepdim=True))
    return powers / powers.sum(dim, keepdim=True)


@lab.demo
def probabilities() -> str:
    x = torch.tensor([[2.0, 1.0, 0.0, -1.0]])
    compare("softmax", softmax(x), F.softmax(x, dim=1))
    compare("softmax of large logits", softmax(x + 1000), F.softmax(x + 1000, dim=1))
    compare("cross-entropy", -softmax(x)[0, 2].log(), F.cross_entropy(x, torch.tensor([2])))
    powers = torch.exp(x + 1000)
    print(f"without subtracting: {(powers / powers.sum()).tolist()}")
    return "pieces-softmax"


# %% [markdown]
# ## Dropout
#
# $$y_i = \frac{m_i x_i}{1 - p}$$
#
# Here $m_i$ is 0 with probability p and 1 otherwise: in training, every image meets a different
# thinned network, so no unit can rely on any other (Srivastava and others, JMLR 15, 2014). The mean
# of $m_i$ is $1 - p$; dividing by it keeps the mean of every unit, and in eval mode dropout is just
# the identity. (The paper does not divide in training. It shrinks the weights afterwards, which
# gives the same mean.)


# %%
def dropout(x: Tensor, p: float, rng: Generator | None = None) -> Tensor:
    """Any shape; each number becomes 0 with probability p. For training only."""
    if not 0 <= p < 1:
        raise ValueError(f"p must be in [0, 1), and is {p}")
    kept = torch.empty_like(x).bernoulli_(1 - p, generator=rng)
    return x * kept / (1 - p)


@lab.demo
def what_is_dropped() -> str:
    x = torch.arange(1.0, 13.0).reshape(3, 4)
    ours = dropout(x, 0.5, torch.manual_seed(1))
    torch.manual_seed(1)
    compare("dropout", ours, F.dropout(x, 0.5, training=True))
    return "pieces-dropout"


# %% [markdown]
# ## Together
#
# One network for 32x32 images has all pieces but the sigmoid and batch norm. Ours and PyTorch's
# give the same probabilities; in eval mode dropout does nothing, so ours has no line for it. The
# table lists the cost of each piece. Only two have parameters: the fully connected layer has most
# of them, and the convolution does most of the work. AlexNet and VGG16 are like that, too.


# %%
def together(x: Tensor, conv: nn.Conv2d, linear: nn.Linear) -> Tensor:  # (N, 3, 32, 32)
    """A small network of our pieces, in eval mode, with the weights of two PyTorch layers."""
    weight, bias = conv.parameters()
    x = relu(convolution(x, weight, bias, padding=2))  # (N, 16, 32, 32)
    x = max_pooling(x)  # (N, 16, 16, 16)
    return softmax(fully_connected(x.flatten(1), linear.weight, linear.bias))  # (N, 10)


@lab.demo
def all_together() -> None:
    torch.manual_seed(0)
    conv, linear = nn.Conv2d(3, 16, kernel_size=5, padding=2), nn.Linear(16 * 16 * 16, 10)
    head = (nn.Flatten(), nn.Dropout(0.5), linear, nn.Softmax(dim=1))
    model = nn.Sequential(conv, nn.ReLU(), nn.MaxPool2d(2), *head).eval()
    x = torch.randn(4, 3, 32, 32)
    with torch.no_grad():
        compare("together", together(x, conv, linear), model(x))
    print(lab.layer_table(model, (1, 3, 32, 32)))


# %%
LESSON = lab.Lesson(
    "pieces",
    "The pieces",
    "Convolution, pooling, activations, batch norm, softmax and dropout, each in a few lines and "
    "checked against PyTorch’s own.",
)

if __name__ == "__main__":
    lab.demonstrate(LESSON)

# %% [markdown]
# ## To try
#
# - Give `max_pooling` a padding. Which value must surround the image, and why not zero?
# - Average pooling is a convolution: with which weights?
# - Write `fully_connected` with `convolution`. Which shapes do `x` and `weight` need? (C5 of LeNet
#   is such a layer.)
# - What is the slope of our `sigmoid` at -100, by autograd? What is it by $y (1 - y)$? Write the
#   function so that both agree.
# - Add a bias to a convolution in front of `BatchNorm2d`. Why does it change nothing?
# - Put weights between the twenty sigmoids. How large must they be for the gradient to survive,
#   and what do they do to the values?
