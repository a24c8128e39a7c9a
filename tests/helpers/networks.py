"""What must hold for every network, whoever wrote it down."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from itertools import chain

import onnx
import pytest
import torch
from onnxruntime import InferenceSession
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from lab import proof
from lab.measure import without_pointwise_work
from lab.onnx.export import Opened, to_onnx

# Every export reads anew which operators ONNX has, which takes a third of its time.
with suppress(ImportError):  # a later PyTorch may have that elsewhere
    from torch.onnx._internal.exporter._registration import ONNXRegistry

    ONNXRegistry.from_torchlib = staticmethod(cache(ONNXRegistry.from_torchlib))


def heads(output: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The logits of a network and, in train mode, those of its auxiliary classifiers."""
    return (output,) if isinstance(output, Tensor) else output


@contextmanager
def comparing_images() -> Iterator[None]:
    """Assert that the logits that `lab.prove` compares meanwhile differ from image to image."""
    outputs: list[tuple[Tensor, ...]] = []
    read = proof._outputs
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proof, "_outputs", lambda made: outputs.append(read(made)) or outputs[-1])
        yield
    for logits in chain(*outputs):
        assert logits.shape == (2, 1000)
        assert (logits[0] - logits[1]).std() > 1e-4  # more than the bias of the last layer


def keep_batch_statistics(model: nn.Module) -> None:
    """Let batch norms use in eval mode what they saw last in train mode."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0


def assert_one_row_an_image(
    model: nn.Module, size: int, classes: int, batches: tuple[int, ...] = (1, 3)
) -> None:
    """Logits (N, classes) for each of two numbers of images, in train and in eval mode."""
    for training in (True, False):
        for batch in batches:
            with torch.no_grad():
                output = model.train(training)(torch.rand(batch, 3, size, size))
            for logits in heads(output):
                assert logits.shape == (batch, classes), (training, batch)
                assert logits.isfinite().all()


def assert_finite_gradients(model: nn.Module, size: int, classes: int) -> int:
    """Every parameter gets a gradient that is finite and not zero; return the number of heads."""
    images = torch.rand(3, 3, size, size)
    labels = torch.arange(3) % classes
    outputs = heads(model.train()(images))
    sum(F.cross_entropy(logits, labels) for logits in outputs).backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name
        assert weight.grad.abs().sum() > 0, name
    return len(outputs)


def count_operations(model: nn.Module, shape: tuple[int, ...]) -> int:
    """How many one image takes, by PyTorch's own counter: two for a multiply-accumulate."""
    # It counts the same, as tests/lab/test_measure.py proves.
    ghost = without_pointwise_work(model.to("meta").eval())
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        ghost(torch.empty(1, *shape, device="meta"))
    return int(counter.get_total_flops())


def distance(one: Tensor, other: Tensor) -> float:
    """The largest difference between two tensors of one shape."""
    return float((one - other).abs().max())


def assert_exports(model: nn.Module, size: int) -> None:
    """ONNX Runtime gets logits and stages from what `lab.onnx.export` makes; torch.fx traces it.

    For batches of 1 and 5. A class activation map has the logits as its mean.
    """
    for weight in model.parameters():
        if weight.ndim > 1:
            nn.init.kaiming_normal_(weight)  # lets the images through, however deep it is
    keep_batch_statistics(model)
    images = torch.rand(5, 3, size, size)
    with torch.no_grad():
        model.train()(images)
        logits = model.eval()(images)
        assert (logits[0] - logits[1]).std() > 1e-2  # more than the bias of the last layer
        torch.testing.assert_close(torch.fx.symbolic_trace(model)(images), logits)
    shape = (3, size, size)
    content = to_onnx(model, shape).SerializeToString()
    onnx.checker.check_model(content, full_check=True)
    session = InferenceSession(content, providers=["CPUExecutionProvider"])
    opened = Opened(model, shape)
    precise = copy.deepcopy(opened).double()
    for batch in (1, 5):
        with torch.no_grad():
            expected = opened(images[:batch])
            exact = dict(zip(opened.outputs, precise(images[:batch].double()), strict=True))
        theirs = session.run(opened.outputs, {"images": images[:batch].numpy()})
        for name, one, other in zip(opened.outputs, theirs, expected, strict=True):
            # In a deep network float32 alone is further off than 1e-4: PyTorch's own error, too.
            limit = 1e-4 * max(1.0, float(other.abs().max())) + 2 * distance(other, exact[name])
            difference = distance(torch.from_numpy(one), exact[name])
            assert difference <= limit, (name, difference)
        if "class_activation" in opened.outputs:
            torch.testing.assert_close(expected[-1].mean((2, 3)), expected[0], rtol=0, atol=1e-4)
        if "attention_rollout" in opened.outputs:  # the rest is the class token's own
            assert expected[-1].min() >= 0
            assert ((expected[-1].sum((1, 2, 3)) > 0.1) & (expected[-1].sum((1, 2, 3)) < 1)).all()
    for stage in opened.stages:
        if stage.kernel:  # up to the factor of a batch norm for each channel
            (kernel,) = session.run([f"{stage.name}.kernel"], {"images": images[:1].numpy()})
            own = model.get_parameter(stage.kernel).detach()
            alike = F.cosine_similarity(torch.from_numpy(kernel).flatten(1), own.flatten(1))
            assert alike.abs().min() > 0.999, stage.name
