"""The pieces: each is what PyTorch computes, for any shape, and says which shapes do not fit."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

import lab
import pieces
from running import ROOT

pytestmark = pytest.mark.needs("pieces")

few = st.integers(1, 4)
seeds = st.integers(0, 2**32 - 1)
close = torch.testing.assert_close


def random(seed: int, *shape: int) -> Tensor:
    """Double precision, so that only a wrong formula makes a difference."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(few, few, few, seeds)
def test_fully_connected_is_pytorchs(n: int, c: int, d: int, seed: int) -> None:
    x, weight, bias = random(seed, n, c), random(seed + 1, d, c), random(seed + 2, d)
    close(pieces.fully_connected(x, weight, bias), F.linear(x, weight, bias))


@given(
    few,
    few,
    few,
    st.tuples(st.integers(5, 9), st.integers(5, 9)),
    few,
    few,
    st.integers(0, 3),
    seeds,
)
def test_convolution_is_pytorchs_and_follows_the_shape_rule(
    n: int,
    c: int,
    d: int,
    sides: tuple[int, int],
    kernel: int,
    stride: int,
    padding: int,
    seed: int,
) -> None:
    x, weight = random(seed, n, c, *sides), random(seed + 1, d, c, kernel, kernel)
    bias = random(seed + 2, d)
    ours = pieces.convolution(x, weight, bias, stride, padding)
    close(ours, F.conv2d(x, weight, bias, stride, padding))
    height, width = (pieces.output_side(side, kernel, stride, padding) for side in sides)
    assert ours.shape == (n, d, height, width)


@given(few, few, st.tuples(st.integers(4, 9), st.integers(4, 9)), few, few, seeds)
def test_max_pooling_is_pytorchs_and_follows_the_shape_rule(
    n: int, c: int, sides: tuple[int, int], size: int, stride: int, seed: int
) -> None:
    x = random(seed, n, c, *sides)
    ours = pieces.max_pooling(x, size, stride)
    close(ours, F.max_pool2d(x, size, stride))
    assert ours.shape[2:] == tuple(pieces.output_side(side, size, stride) for side in sides)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (pieces.sigmoid, torch.sigmoid),
        (pieces.relu, torch.relu),
        (pieces.softmax, lambda x: F.softmax(x, dim=1)),
        (lambda x: pieces.softmax(x, dim=0), lambda x: F.softmax(x, dim=0)),
    ],
    ids=["sigmoid", "relu", "softmax", "softmax of columns"],
)
@given(n=few, d=few, size=st.sampled_from([0.1, 1.0, 20.0]), seed=seeds)
def test_activations_and_their_gradients_are_pytorchs(
    ours: object, theirs: object, n: int, d: int, size: float, seed: int
) -> None:
    x = (size * random(seed, n, d)).requires_grad_()
    outputs = [function(x) for function in (ours, theirs)]  # type: ignore[operator]
    close(*outputs)
    direction = random(seed + 1, n, d)
    close(*(torch.autograd.grad((y * direction).sum(), x)[0] for y in outputs))


@given(few, few, st.integers(2, 5), seeds)
def test_batch_norm_is_pytorchs_in_both_modes_and_learns_the_same(
    n: int, c: int, side: int, seed: int
) -> None:
    ours, theirs = pieces.BatchNorm2d(c).double(), torch.nn.BatchNorm2d(c).double()
    assert lab.count_parameters(ours) == 2 * c
    for model in (ours, theirs):
        model.weight.data, model.bias.data = random(seed, c), random(seed + 1, c)
    direction = random(seed + 2, n, c, side, side)
    for batch in range(3):  # two to learn from, and one in eval mode
        xs = [(3 * random(seed + 3 + batch, *direction.shape) + 5).requires_grad_() for _ in "12"]
        outputs = [model.train(batch < 2)(x) for model, x in zip((ours, theirs), xs, strict=True)]
        close(*outputs)
        for y in outputs:
            (y * direction).sum().backward()
        close(xs[0].grad, xs[1].grad)
        close(ours.running_mean, theirs.running_mean)
        close(ours.running_var, theirs.running_var)
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        close(one.grad, other.grad)


def test_relu_at_zero_has_the_slope_zero_and_lets_nan_through() -> None:
    x = torch.tensor([0.0, -0.0, float("inf"), -float("inf"), float("nan")], requires_grad=True)
    y = pieces.relu(x)
    close(y, F.relu(x), equal_nan=True)
    assert torch.autograd.grad(y[:2].sum(), x)[0].tolist() == [0] * 5


@pytest.mark.parametrize("shift", [-1e4, 1e4, 1e30])
def test_softmax_survives_large_logits(shift: float) -> None:
    x = torch.tensor([[3.0, 0.0, -2.0, 3.0]])
    close(pieces.softmax(x + shift), F.softmax(x + shift, dim=1))
    assert pieces.softmax(x * 1e30).tolist() == [[0.5, 0, 0, 0.5]]


@given(st.integers(1, 40), st.floats(0, 0.99), seeds)
def test_dropout_drops_what_pytorch_drops(count: int, p: float, seed: int) -> None:
    x = random(seed, count)
    ours = pieces.dropout(x, p, torch.manual_seed(seed))
    torch.manual_seed(seed)
    close(ours, F.dropout(x, p, training=True))


def test_a_gradient_vanishes_through_sigmoids_and_passes_relus() -> None:
    assert pieces.slope_at_depth(pieces.sigmoid, 1, start=0.0) == 0.25
    y, expected = torch.tensor(1.0, dtype=torch.float64), 1.0
    for _ in range(20):  # the chain rule by hand: the slope of a sigmoid is y (1 - y)
        y = torch.sigmoid(y)
        expected *= (y * (1 - y)).item()
    assert pieces.slope_at_depth(pieces.sigmoid, 20) == pytest.approx(expected, rel=1e-4)
    assert 0 < expected < 0.25**20
    assert pieces.slope_at_depth(pieces.relu, 20) == 1
    assert pieces.slope_at_depth(pieces.relu, 20, start=-1.0) == 0


def test_the_exercise_on_the_slope_of_the_sigmoid_has_something_to_mend() -> None:
    far = pieces.slope_at_depth(pieces.sigmoid, 1, start=-100.0)
    assert far != far  # not a number


@pytest.mark.parametrize(
    ("function", "shapes", "letters"),
    [
        (pieces.fully_connected, [(2, 5), (3, 4), (3,)], "NC, DC, D"),
        (pieces.fully_connected, [(2, 4), (3, 4), (1,)], "NC, DC, D"),
        (pieces.fully_connected, [(2, 3, 4), (3, 4), (3,)], "NC, DC, D"),
        (pieces.convolution, [(1, 3, 8, 8), (6, 1, 3, 3), (6,)], "NCHW, DCKK, D"),
        (pieces.convolution, [(1, 3, 8, 8), (6, 3, 3, 5), (6,)], "NCHW, DCKK, D"),
        (pieces.max_pooling, [(3, 8, 8)], "NCHW"),
    ],
)
def test_shapes_that_do_not_fit_get_one_line(
    function: Callable[..., Tensor], shapes: list[tuple[int, ...]], letters: str
) -> None:
    found = ", ".join(map(str, shapes))
    line = f"shapes must fit {letters}, with one size for each letter, not {found}"
    with pytest.raises(ValueError, match=f"^{re.escape(line)}$"):
        function(*map(torch.zeros, shapes))


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (
            lambda x: pieces.convolution(x(1, 3, 2, 8), x(6, 3, 5, 5), x(6), padding=1),
            "no window of 5 x 5 fits into (1, 3, 4, 10)",
        ),
        (lambda x: pieces.max_pooling(x(1, 3, 8, 1)), "no window of 2 x 2 fits into (1, 3, 8, 1)"),
        (
            lambda x: pieces.BatchNorm2d(4)(x(2, 3, 8, 8)),
            "shapes must fit NCHW, C, with one size for each letter, not (2, 3, 8, 8), (4,)",
        ),
        (lambda x: pieces.dropout(x(3), 1.0), "p must be in [0, 1), and is 1.0"),
        (lambda x: pieces.dropout(x(3), -0.1), "p must be in [0, 1), and is -0.1"),
    ],
)
def test_what_else_does_not_fit_gets_one_line(call: Callable[..., Tensor], line: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(line)}$"):
        call(torch.zeros)


def test_a_difference_is_not_printed_but_raised() -> None:
    with pytest.raises(AssertionError):
        pieces.compare("wrong", torch.zeros(2), torch.ones(2))


def test_each_piece_fits_on_a_slide() -> None:
    eight = [
        "fully_connected",
        "convolution",
        "max_pooling",
        "sigmoid",
        "relu",
        "forward",  # of batch norm
        "softmax",
        "dropout",
    ]
    tree = ast.parse((ROOT / "code" / "pieces.py").read_text())
    defined = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for name in eight:
        assert defined[name].end_lineno - defined[name].lineno < 12, name


def test_the_command_line_says_what_it_is_and_refuses_what_it_does_not_know(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as stop:
        lab.demonstrate(pieces.LESSON, ["--help"])
    assert stop.value.code == 0
    assert pieces.LESSON.idea in " ".join(capsys.readouterr().out.split())
    with pytest.raises(lab.UserError, match="unrecognized arguments: --epochs 3"):
        lab.demonstrate(pieces.LESSON, ["--epochs", "3"])
