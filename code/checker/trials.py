"""A student's trainer and evaluator, run on probes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from ignite.engine import Engine, Events

from . import probes
from .mistakes import Mistake, kind
from .probes import BATCH, Pass, Probe


class TrainedProbe:
    """Two steps of a student's trainer on one batch, with a learning rate of zero."""

    def __init__(self, create_trainer: Callable[..., Any]) -> None:
        self.model = Probe()
        self.labels = torch.arange(BATCH) % probes.CLASSES
        self.slopes: list[float] = []  # of all weights together, whenever the optimizer steps
        self.outputs: list[Any] = []
        optimizer = torch.optim.SGD(self.model.parameters(), lr=0.0)
        # Behind the step, so that a closure has run: a rate of zero leaves the gradients alone.
        optimizer.register_step_post_hook(self._look)
        trainer = create_trainer(self.model, optimizer)
        check_engine(trainer)
        # Before every epoch, the evaluator leaves the network in eval mode.
        self.model.eval()
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: self.model.eval())
        trainer.add_event_handler(
            Events.ITERATION_COMPLETED, lambda: self.outputs.append(trainer.state.output)
        )
        images = torch.randn(BATCH, 3, probes.SIDE, probes.SIDE)
        try:
            trainer.run([(images, self.labels, BATCH)], max_epochs=2)
        except RuntimeError:
            self.check_mode()  # in eval mode nothing else needs to be said
            raise

    def _look(self, *_: object) -> None:
        gradients = [weight.grad for weight in self.model.parameters()]
        self.slopes.append(sum(float(each.norm()) for each in gradients if each is not None))

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


class MeasuredProbe:
    """A student's evaluator, run on two batches of different size."""

    def __init__(self, create_evaluator: Callable[..., Any]) -> None:
        self.model = Probe()
        images = torch.randn(13, 3, probes.SIDE, probes.SIDE)
        with torch.no_grad():
            self.logits = self.model.eval()(images)  # (13, 10)
        self.labels = self.logits.argmax(1)
        self.labels[::2] = (self.labels[::2] + 1) % probes.CLASSES  # else all would be right
        self.model.passes.clear()
        evaluator = create_evaluator(self.model)
        check_engine(evaluator)
        self.model.train()  # as the trainer leaves it
        cuts = (slice(10), slice(10, None))
        evaluator.run([(images[cut], self.labels[cut]) for cut in cuts])
        self.metrics: dict[str, Any] = evaluator.state.metrics
