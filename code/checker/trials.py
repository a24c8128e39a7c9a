"""A student's trainer and evaluator, run on probes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from ignite.engine import Engine, Events
from torch import Tensor

from . import probes
from .mistakes import Mistake, kind
from .probes import BATCH, Pass, Probe


@dataclass
class TrainedProbe:
    """Two steps of a student's trainer on one batch, with a learning rate of zero."""

    model: Probe
    labels: Tensor
    slopes: list[float]  # how large the gradient was, whenever the optimizer made its step
    outputs: list[Any]

    @classmethod
    def make(cls, create_trainer: Callable[..., Any]) -> TrainedProbe:
        model = Probe()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
        slopes: list[float] = []

        def look(*_: object) -> None:
            gradients = [weight.grad for weight in model.parameters()]
            slopes.append(sum(float(each.norm()) for each in gradients if each is not None))

        # Behind the step, so that a closure has run: a rate of zero leaves the gradients alone.
        optimizer.register_step_post_hook(look)
        trainer = create_trainer(model, optimizer)
        check_engine(trainer)
        # Before every epoch, the evaluator leaves the network in eval mode.
        model.eval()
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: model.eval())
        outputs: list[Any] = []
        trainer.add_event_handler(
            Events.ITERATION_COMPLETED, lambda: outputs.append(trainer.state.output)
        )
        images = torch.randn(BATCH, 3, probes.SIDE, probes.SIDE)
        labels = torch.arange(BATCH) % probes.CLASSES
        probe = cls(model, labels, slopes, outputs)
        try:
            trainer.run([(images, labels, BATCH)], max_epochs=2)
        except RuntimeError:
            probe.check_mode()  # in eval mode nothing else needs to be said
            raise
        return probe

    @property
    def descended(self) -> Pass | None:
        """The first forward pass that a gradient came back to."""
        return next((each for each in self.model.passes if each.slope is not None), None)

    def check_mode(self) -> None:
        if not all(each.training for each in self.model.passes):
            raise Mistake(
                "the network learned in eval mode, which the evaluator leaves it in",
                "Call `model.train()` in every step: dropout and batch norm need it.",
            )


def check_engine(made: Any) -> None:
    if not isinstance(made, Engine):
        raise Mistake(f"it returned {kind(made)}", "Return the engine: `Engine(step)`.")


@dataclass
class MeasuredProbe:
    """A student's evaluator, run on two batches of different size."""

    model: Probe
    logits: Tensor  # (N, 10), those of the network in eval mode
    labels: Tensor
    metrics: dict[str, Any]

    @classmethod
    def make(cls, create_evaluator: Callable[..., Any]) -> MeasuredProbe:
        model = Probe()
        images = torch.randn(13, 3, probes.SIDE, probes.SIDE)
        with torch.no_grad():
            logits = model.eval()(images)
        labels = logits.argmax(1)
        labels[::2] = (labels[::2] + 1) % probes.CLASSES  # else all would be right
        model.passes.clear()
        evaluator = create_evaluator(model)
        check_engine(evaluator)
        model.train()  # as the trainer leaves it
        cuts = (slice(10), slice(10, None))
        evaluator.run([(images[cut], labels[cut]) for cut in cuts])
        return cls(model, logits, labels, evaluator.state.metrics)
