"""What `lab.training` attaches to its engines besides ignite's own handlers."""

import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events
from ignite.handlers import ProgressBar, global_step_from_engine
from torch import Tensor

from . import machine
from .errors import UserError
from .recipe import Recipe
from .runs import Run

EVERY = 25  # steps between two looks at the loss: each look waits for the device


class EpochSoFar:
    """Mean training loss, images and seconds of the epoch under way, kept across a resume.

    ignite's metrics would do for the loss, at 0.1 to 0.2 ms a step; this costs a few microseconds.
    """

    def __init__(self, device: torch.device) -> None:
        self.loss = torch.zeros((), device=device)
        self.images = 0
        self.seconds = 0.0
        self._since = 0.0
        self.resumed = False  # whether the values above are of an epoch to be continued

    def attach(self, trainer: Engine) -> None:
        trainer.add_event_handler(Events.EPOCH_STARTED, self._start)
        trainer.add_event_handler(Events.ITERATION_COMPLETED, self._count)

    def _start(self, engine: Engine) -> None:
        if not self.resumed:
            self.loss.zero_()
            self.images, self.seconds = 0, 0.0
        self.resumed = False
        self._since = time.perf_counter()

    def _count(self, engine: Engine) -> None:
        _, _, whole = engine.state.batch  # type: ignore[misc]
        self.loss += engine.state.output * whole
        self.images += whole

    def clock(self) -> float:
        """Seconds spent on this epoch until now."""
        now = time.perf_counter()
        self.seconds += now - self._since
        self._since = now
        return self.seconds

    def mean_loss(self) -> float:
        """Mean over the images of all processes."""
        loss = idist.all_reduce(self.loss.clone()) / idist.get_world_size()
        return float(loss) / self.images

    def state_dict(self) -> dict[str, Any]:
        return {"loss": self.loss.clone(), "images": self.images, "seconds": self.clock()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.loss.copy_(state["loss"])
        self.images, self.seconds = state["images"], state["seconds"]


class RandomState:
    """The random numbers that dropout draws, so that an epoch resumed half-way goes on exactly."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def state_dict(self) -> dict[str, Any]:
        state = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            state["device"] = torch.cuda.get_rng_state(self.device)
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        torch.set_rng_state(state["cpu"].cpu())
        if "device" in state and self.device.type == "cuda":
            torch.cuda.set_rng_state(state["device"].cpu(), self.device)


class History:
    """One row an epoch, written to the run folder."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.rows: list[dict[str, Any]] = []

    def append(self, row: Mapping[str, Any]) -> None:
        self.rows.append(dict(row))
        self.run.write("history.json", self.rows)

    def state_dict(self) -> dict[str, Any]:
        return {"rows": list(self.rows)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.rows = list(state["rows"])


class StopOnSignal:
    """Let Ctrl-C (or a cluster's SIGTERM) end a training after the step it is in.

    An exception would come in the middle of a step, with some weights updated and some not. A
    second Ctrl-C does not wait. With several processes each would stop after another step, so
    there a signal stops at once, and the last whole epoch is what remains.
    """

    def __init__(self) -> None:
        self.requested = False

    def attach(self, trainer: Engine) -> None:
        """To be attached after validation and saving, which the last epoch must not miss."""
        trainer.add_event_handler(Events.ITERATION_COMPLETED, self._stop, within=True)
        trainer.add_event_handler(Events.EPOCH_COMPLETED, self._stop)

    def _stop(self, engine: Engine, within: bool = False) -> None:
        last = engine.state.iteration % (engine.state.epoch_length or 1) == 0
        if self.requested and not (within and last):
            engine.terminate()

    @contextmanager
    def listening(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {kind: signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM)}

        def note(number: int, frame: FrameType | None) -> None:
            self.requested = True
            signal.signal(signal.SIGINT, signal.default_int_handler)
            print("\nStopping after this step; Ctrl-C again to stop at once.", file=sys.stderr)

        for kind in before:
            signal.signal(kind, signal.default_int_handler if idist.get_world_size() > 1 else note)
        try:
            yield
        finally:
            for kind, handler in before.items():
                signal.signal(kind, handler)


def show_progress(trainer: Engine, recipe: Recipe) -> None:
    """A bar with loss and images a second, where there is somebody to see it."""
    if idist.get_rank() > 0 or not (sys.stderr.isatty() or machine.in_notebook()):
        return
    bar = ProgressBar(
        desc="epoch",
        bar_format="{desc} [{n_fmt}/{total_fmt}] {percentage:3.0f}%|{bar}{postfix} "
        "[{rate_fmt}, {remaining} to go]",
        unit=" img",
        unit_scale=recipe.batch_size,
    )
    # Redrawn at each step, the bar would cost LeNet a tenth of its speed.
    bar.attach(
        trainer,
        output_transform=lambda loss: {"loss": loss.item()},
        event_name=Events.ITERATION_COMPLETED(every=EVERY),
    )


def write_tensorboard(
    run: Run, trainer: Engine, evaluator: Engine, optimizer: torch.optim.Optimizer
) -> None:
    """Log training loss, learning rate and validation figures for TensorBoard into the run."""
    if idist.get_rank() > 0:
        return
    try:
        from ignite.handlers.tensorboard_logger import TensorboardLogger

        logger = TensorboardLogger(log_dir=str(run.folder))
    except (ImportError, RuntimeError, ModuleNotFoundError):
        raise UserError("--tensorboard needs a package: pip install tensorboard") from None
    often = Events.ITERATION_COMPLETED(every=EVERY)
    logger.attach_output_handler(
        trainer, often, tag="training", output_transform=lambda loss: {"loss": loss.item()}
    )
    logger.attach_opt_params_handler(trainer, often, optimizer, param_name="lr")
    logger.attach_output_handler(
        evaluator,
        Events.COMPLETED,
        tag="validation",
        metric_names=["accuracy", "loss"],
        global_step_transform=global_step_from_engine(trainer),
    )
    trainer.add_event_handler(Events.COMPLETED, lambda: logger.close())


def share(tensors: Iterable[Tensor]) -> None:
    """Overwrite tensors with those of the first process."""
    if idist.get_world_size() > 1:
        for tensor in tensors:
            # Not ignite's, which may work on a copy on another device.
            torch.distributed.broadcast(tensor, src=0)
