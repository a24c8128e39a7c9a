"""Train a network: one loop, with ignite, from a laptop to several machines.

`train` does everything a lesson needs. The four functions below it are those of any ignite
program: `get_dataflow`, `initialize`, `create_trainer`, `create_evaluator`; `fit` joins them.
"""

import logging
import math
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events
from ignite.handlers import Checkpoint, EarlyStopping, EMAHandler, PiecewiseLinear, TerminateOnNan
from ignite.metrics import Accuracy, ConfusionMatrix, Loss
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from . import handlers, machine, record
from .batches import Batches, normalized
from .data import Data, Split, described, is_described, load
from .errors import Diverged, Stopped, UserError
from .measure import copied, count_macs, count_parameters
from .muon import SGDWithMuon, is_hidden_kernel
from .pictures import show
from .precision import FORMATS, memory_format, pick_precision, refusal, settle
from .recipe import AuxiliaryRecipe, Options, Recipe
from .runs import Description, Epoch, Result, Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

R = TypeVar("R", bound=Recipe)

EVALUATION_BATCH = 500  # images
SMALL = 24  # pixels a side, in progressive resizing (see Tan and Le, "EfficientNetV2", section 4)


@runtime_checkable
class Growing(Protocol):
    """A network that changes while it is trained, such as one with a growing drop-path."""

    def grow(self, done: float) -> None:
        """Called before each epoch with the share of all epochs that are done."""


@dataclass(frozen=True)
class Trained:
    """What a training leaves behind: the run folder, and the network with its best weights."""

    run: Run
    model: nn.Module
    data: Data
    recipe: Recipe

    @property
    def history(self) -> list[Epoch]:
        """A row an epoch: its losses, validation accuracy (a fraction of one) and seconds."""
        return self.run.read("history.json")

    @property
    def result(self) -> Result:
        """Accuracies (fractions of one), test confusion counts [true][predicted], seconds."""
        return self.run.read("result.json")

    def pictures(self) -> None:
        """Show the losses, which classes it confuses, its first filters and its worst mistakes."""
        from . import plots

        show(self.run.folder / "curve.png", "The losses and the validation accuracy of each epoch")
        show(self.run.folder / "confusion.png", "Which classes it takes for which, on test images")
        kernels = [each.weight for each in self.model.modules() if isinstance(each, nn.Conv2d)]
        if kernels:
            words = "What the filters of the first convolution look for"
            self._draw("filters.png", plots.filters(kernels[0]), words)
        words = "The test images that it is most sure about, and wrong"
        model = Mirrored(self.model) if self.recipe.tta else self.model
        self._draw("mistakes.png", plots.mistakes(model, self.data), words)

    def _draw(self, name: str, figure: "Figure", words: str) -> None:
        self.run.save_figure(name, figure)
        show(self.run.folder / name, words)


def train(
    build: Callable[[R, int], nn.Module], recipe: R, options: Options | None = None
) -> Trained:
    """Train a network as its recipe says, choose on validation, and read the test set once.

    Args:
        build: makes the network from the recipe and the number of classes; it takes float
            images (N, 3, 32, 32) and returns logits (N, classes), or what `AuxiliaryRecipe` says.
            A network that is `Growing` is told before each epoch how far the training is.
        recipe: what changes the result.
        options: where and how to run, and which run to resume.

    Returns:
        the network on the CPU, in eval mode, with the weights of its best epoch on validation.

    Raises:
        UserError: images or a run that cannot be used, a full disk, or a loss that diverges.
        Stopped: the user pressed Ctrl-C; the run is saved and can be resumed.
    """
    options = options or Options()
    device = machine.pick_device(options.device)
    data = load(recipe.data, limit=recipe.limit or None)
    torch.manual_seed(recipe.seed)
    model, shape = build(recipe, len(data.classes)), data.train.images.shape[1:]
    options = settle(options, model, device, shape)
    if recipe.muon:
        SGDWithMuon([{"params": [*model.parameters()]}], recipe.muon, lr=recipe.lr)  # or raises
    if recipe.small_share and (why := refusal(model, (3, SMALL, SMALL), torch.contiguous_format)):
        raise UserError(f"--small-share: omit it: at {SMALL}x{SMALL} the network fails ({why})")
    if options.resume:
        run = Run.open(options.resume)
        check_same_data(run, data)
    else:
        run = Run.create(options.out, recipe)
        run.write("run.json", description(recipe, options, device, data, model))
    if idist.get_rank() == 0:
        _announce(run, device, data, options)
    if run.has("result.json"):
        print(
            "this run is finished, and its learning rate has come down to zero: "
            f"to train for longer, start anew with --epochs {2 * recipe.epochs}"
        )
    else:
        try:
            with run.at_work():
                fit(model, data, recipe, options, device, run)
                _finish(model, data, recipe, options, device, run)
        except (KeyboardInterrupt, RuntimeError) as error:
            lost = isinstance(error, RuntimeError)
            if lost and not machine.is_lost(error):
                raise
            again = ", under torchrun as before" if idist.get_world_size() > 1 else ""
            raise Stopped(
                f"{'another process has ended' if lost else 'stopped'}; "
                f"continue with: {machine.this_command('resume', str(run))}{again}"
            ) from None
    trained = Trained(run, model.cpu().eval(), data, recipe)
    if idist.get_rank() == 0:
        model.load_state_dict(run.load("best.pt"))
        print(_verdict(trained))
        command = machine.this_command("export", str(run))  # in a notebook there is none
        print(f"pictures in {run}" + ("" if machine.in_notebook() else f"; export it: {command}"))
    return trained


def _verdict(trained: Trained) -> str:
    """What a training has reached, and what the record of its network says."""
    result, recipe = trained.result, trained.recipe
    tta = " with test-time augmentation," if recipe.tta else ""
    own = (
        f"test accuracy {result['test_accuracy']:.2%}{tta} with the weights of epoch "
        f"{result['best_epoch']} (validation {result['validation_accuracy']:.2%}), "
        f"trained for {result['seconds']:,.0f} s"
    )
    known = record.read(recipe.network)
    if known is None:
        return own
    accuracy, epochs = record.percent(known["test_accuracy"]["mean"]), known["recipe"]["epochs"]
    recorded = f"{own}\nrecorded: {accuracy}% after {_epochs(epochs)} on {known['dataset']}"
    made, data = result["epochs"], trained.data.name
    if (made, data) == (epochs, known["dataset"]):
        return recorded
    share = f"{made} of {epochs}" if made < epochs else _epochs(made)
    return f"{recorded}; yours {record.percent(result['test_accuracy'])}% after {share} on {data}"


def _epochs(count: int) -> str:
    return f"{count} epoch" if count == 1 else f"{count} epochs"


def get_dataflow(
    data: Data, recipe: Recipe, device: torch.device, memory_format: torch.memory_format
) -> tuple[Batches, Any]:
    """The batches to train on and those to validate on, kept whole on the device.

    Every process draws the same order and the same augmentation from (seed, epoch) and takes its
    share of each batch.
    """
    training = Batches.of(data, recipe, device=device, memory_format=memory_format)
    return training, in_order(data.validation, data, device, memory_format)


def in_order(
    split: Split, data: Data, device: torch.device, memory_format: torch.memory_format
) -> Any:
    return normalized(split.to(device), data.mean, data.std, EVALUATION_BATCH, memory_format)


def initialize(
    model: nn.Module, recipe: Recipe, device: torch.device, options: Options
) -> tuple[nn.Module, torch.optim.Optimizer, torch.amp.GradScaler]:
    """Move the network to its device, wrap it for several processes, and make its optimizer.

    The returned module shares its weights with `model`, which stays as it is for saving. The
    gradient scaler does something in fp16 only.
    """
    model.to(device).to(memory_format=memory_format(options))
    decayed = [weight for weight in model.parameters() if weight.ndim > 1]
    free = [weight for weight in model.parameters() if weight.ndim <= 1]  # biases, norms
    groups: list[dict[str, Any]] = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": free},
    ]
    # A search may draw a network without convolutions.
    has_muon = recipe.muon and any(map(is_hidden_kernel, decayed))
    kind = partial(SGDWithMuon, muon=recipe.muon) if has_muon else torch.optim.SGD
    optimizer = kind(groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=True)
    replica = _replicate(model, device) if idist.get_world_size() > 1 else model
    if options.compile:
        # Batches differ in size by one at most, images have two sizes: static shapes win. A GPU
        # would wait for Python after each kernel of so small a network: it gets a pass at once.
        mode = "reduce-overhead" if device.type == "cuda" else None
        compiled: Any = torch.compile(replica, dynamic=False, mode=mode)  # a module, of a module
        replica = compiled
    fp16 = pick_precision(options.precision, device) == "fp16"
    return replica, optimizer, torch.amp.GradScaler(device.type, enabled=fp16)


def _replicate(model: nn.Module, device: torch.device) -> nn.Module:
    """Let the processes average their gradients and, on GPUs, their batch norms.

    ignite's `auto_model` would take the GPU even where `--device cpu` was asked for.
    """
    if device.type != "cuda":
        return DistributedDataParallel(model)
    synchronized = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    return DistributedDataParallel(synchronized, device_ids=[device.index])


def create_trainer(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    recipe: Recipe,
    device: torch.device,
    precision: torch.dtype,
) -> Engine:
    """The engine that makes one step of gradient descent from each batch.

    Its output is the mean loss of the batch, on the device: that of the network's own logits,
    as in validation, even where auxiliary classifiers add to what the step descends. Its batches
    are images, labels, and the size of the whole batch, of which this process may hold only a
    share.
    """
    world_size = idist.get_world_size()
    mixed = precision is not torch.float32

    def step(engine: Engine, batch: tuple[Tensor, Tensor, int]) -> Tensor:
        images, labels, whole = batch
        model.train()
        optimizer.zero_grad()
        with torch.autocast(device.type, precision, enabled=mixed):
            own, auxiliary = _losses(model(images), labels, recipe)
        # Processes average their gradients, and their shares of a
        # batch may differ: in all, the mean over the whole batch.
        scale = world_size / whole
        scaler.scale((own + auxiliary) * scale).backward()
        scaler.step(optimizer)
        scaler.update()
        return own.detach() * scale

    trainer = Engine(step)
    trainer.logger.setLevel(logging.CRITICAL)  # errors are shown once, by who handles them
    return trainer


def _losses(
    output: Tensor | tuple[Tensor, ...], labels: Tensor, recipe: Recipe
) -> tuple[Tensor, Tensor | float]:
    """The loss of a network's own logits, and the weighted one of its auxiliary classifiers.

    Both are sums over the batch.
    """
    smoothing = recipe.label_smoothing
    loss = partial(F.cross_entropy, target=labels, label_smoothing=smoothing, reduction="sum")
    if isinstance(output, Tensor):
        return loss(output), 0.0
    if not isinstance(recipe, AuxiliaryRecipe):
        raise TypeError("a network with auxiliary classifiers needs a lab.AuxiliaryRecipe")
    own, *auxiliary = map(loss, output)
    return own, recipe.auxiliary_weight * sum(auxiliary)


def create_evaluator(model: nn.Module, classes: int, device: torch.device) -> Engine:
    """The engine that measures accuracy, mean loss and confusion (true class, predicted class)."""

    def step(engine: Engine, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        images, labels = batch
        model.eval()
        with torch.no_grad():
            return model(images), labels

    evaluator = Engine(step)
    Accuracy(device=device).attach(evaluator, "accuracy")
    Loss(F.cross_entropy, device=device).attach(evaluator, "loss")
    confusion = ConfusionMatrix(classes, device=device)
    confusion.attach(evaluator, "confusion")
    return evaluator


class Mirrored(nn.Sequential):
    """Test-time augmentation: mean logits (N, classes) of images (N, C, H, W) and mirror images.

    Krizhevsky et al. 2012, section 4.1, average the probabilities of ten patches of an image.
    """

    def forward(self, images: Tensor) -> Tensor:
        return torch.stack([self[0](images), self[0](images.flip(-1))]).mean(dim=0)


def create_schedule(
    optimizer: torch.optim.Optimizer, recipe: Recipe, steps: int
) -> PiecewiseLinear:
    """One cycle of the learning rate over all `steps`: up to `recipe.lr`, then down to zero."""
    rising = min(round(recipe.warmup * steps), steps - 1)
    start = [(0, recipe.lr / (rising + 1))] if rising else []
    return PiecewiseLinear(optimizer, "lr", [*start, (rising, recipe.lr), (steps, 0.0)])


def fit(
    model: nn.Module, data: Data, recipe: Recipe, options: Options, device: torch.device, run: Run
) -> None:
    """Train `model` in place; write its history and its best and last checkpoint into `run`.

    Continues from the run's last checkpoint where `options.resume` is set. Raises `Diverged` if
    the loss does, and `KeyboardInterrupt` if the user stops it, once all is saved.
    """
    training, validation = get_dataflow(data, recipe, device, memory_format(options))
    replica, optimizer, scaler = initialize(model, recipe, device, options)
    precision = FORMATS[pick_precision(options.precision, device)]
    trainer = create_trainer(replica, optimizer, scaler, recipe, device, precision)
    schedule = create_schedule(optimizer, recipe, steps=recipe.epochs * len(training))

    # ignite copies its network, and PyTorch can copy no weight that a hook computes.
    average = EMAHandler(copied(model, str(device)), 1 - recipe.ema) if recipe.ema else None
    evaluated = average.ema_model if average else model
    tested = Mirrored(evaluated) if recipe.tta else evaluated
    evaluator = create_evaluator(tested, len(data.classes), device)

    score = Checkpoint.get_default_score_fn("accuracy")
    best = Checkpoint(
        {"model": evaluated}, run.save, filename_pattern="best.pt", score_function=score, n_saved=1
    )
    # Patience for ever is no early stopping, and keeps the checkpoints of one kind.
    early = EarlyStopping(recipe.patience or sys.maxsize, score, trainer)
    early.logger.setLevel(logging.WARNING)
    epoch, history = handlers.EpochSoFar(device), handlers.History(run)
    stop = handlers.StopOnSignal()
    state = {
        "trainer": trainer,
        "model": model,
        "optimizer": optimizer,
        "scaler": scaler,
        "schedule": schedule,
        "epoch": epoch,
        "history": history,
        "best": best,
        "early": early,
        "random": handlers.RandomState(device),
        **({"average": evaluated} if average else {}),
    }
    last = Checkpoint(state, run.save, filename_pattern="last.pt", n_saved=None)
    small_epochs = min(math.ceil(recipe.small_share * recipe.epochs), recipe.epochs - 1)
    finite = TerminateOnNan()
    finite.logger.setLevel(logging.CRITICAL)  # said below, in words that help

    @trainer.on(Events.EPOCH_STARTED)
    def seed() -> None:
        training.epoch = trainer.state.epoch - 1
        training.side = SMALL if training.epoch < small_epochs else 0
        if isinstance(model, Growing):
            model.grow(training.epoch / recipe.epochs)
        if training.start == 0:  # else the random state of the interrupted epoch goes on
            torch.manual_seed(epoch_seed(recipe.seed, trainer.state.epoch, idist.get_rank()))

    trainer.add_event_handler(Events.ITERATION_STARTED, schedule)
    if average:
        average.model = model  # whose weights it averages
        average.attach(trainer)
    epoch.attach(trainer)
    trainer.add_event_handler(Events.ITERATION_COMPLETED(every=handlers.EVERY), finite)
    if options.progress:
        handlers.show_progress(trainer, recipe)
    if options.tensorboard:
        handlers.write_tensorboard(run, trainer, evaluator, optimizer)
    evaluator.add_event_handler(Events.COMPLETED, best)
    evaluator.add_event_handler(Events.COMPLETED, early)

    @trainer.on(Events.EPOCH_COMPLETED)
    def validate_and_save() -> None:
        finite(trainer)
        if trainer.should_terminate:
            return
        speed = f"{epoch.images / epoch.clock():,.0f} images/s"
        handlers.share(evaluated.buffers())  # all evaluate one network
        evaluator.run(validation)
        history.append(epoch_row(trainer, evaluator, epoch))
        print(line_of(history.rows[-1], recipe, speed), flush=True)
        last(trainer)

    stop.attach(trainer)

    if options.resume:
        resume(run, state, training)
    total = recipe.epochs * len(training)
    if trainer.state.iteration == total or early.counter >= early.patience:
        return  # all that was missing is the result
    with stop.listening():
        trainer.run(training, max_epochs=recipe.epochs)
    loss = float(trainer.state.output)  # type: ignore[arg-type]
    if not math.isfinite(loss):
        muon = f", or than --muon {recipe.muon}" if recipe.muon else ""
        raise Diverged(
            f"the loss became {loss} in epoch {trainer.state.epoch}: "
            f"try a learning rate lower than --lr {recipe.lr}{muon}"
        )
    if stop.requested and trainer.state.iteration < total:
        if trainer.state.iteration % len(training):
            last(trainer)
        raise KeyboardInterrupt


def epoch_seed(seed: int, epoch: int, rank: int) -> int:
    """A different stream of random numbers for each epoch and process, the same in every run."""
    return ((seed * 1_000_003 + epoch) * 1_000_003 + rank) % 2**63


def epoch_row(trainer: Engine, evaluator: Engine, epoch: handlers.EpochSoFar) -> Epoch:
    """The row of the history that says how an epoch went."""
    return {
        "epoch": trainer.state.epoch,
        "train_loss": epoch.mean_loss(),
        "validation_loss": evaluator.state.metrics["loss"],
        "validation_accuracy": evaluator.state.metrics["accuracy"],
        "seconds": round(epoch.clock(), 3),
    }


def line_of(row: Mapping[str, Any], recipe: Recipe, *more: str) -> str:
    """A row of the history, for people, and what else there is to say of the epoch."""
    parts = (
        f"epoch {row['epoch']:{len(str(recipe.epochs))}}/{recipe.epochs}",
        f"loss: training {row['train_loss']:.3f}, validation {row['validation_loss']:.3f}",
        f"validation accuracy {row['validation_accuracy']:6.2%}",
        *more,
    )
    return "   ".join(parts)


def resume(run: Run, state: dict[str, Any], training: Any) -> None:
    """Load the last checkpoint of a run, and let `training` start at the batch after it.

    A run that was killed in its first epoch has none yet, and starts from the beginning.
    """
    run.remove_unfinished()
    if not run.has("last.pt") and (
        not run.has("history.json") or len(run.read("history.json", list)) < 2
    ):
        return
    checkpoint = run.load("last.pt")
    if run.has("best.pt"):
        run.load("best.pt")  # its damage would show only at the end of the training
    try:
        Checkpoint.load_objects(state, checkpoint)
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError):
        raise UserError(f"the checkpoint {run}{os.sep}last.pt is not of this network") from None
    training.start = state["trainer"].state.iteration % len(training)
    state["epoch"].resumed = training.start > 0


def _finish(
    model: nn.Module, data: Data, recipe: Recipe, options: Options, device: torch.device, run: Run
) -> None:
    """Read the test set, once, with the best weights on validation, and write the result."""
    if idist.get_rank() == 0:
        model.load_state_dict(run.load("best.pt"))
    handlers.share(model.state_dict().values())
    tested = Mirrored(model) if recipe.tta else model
    evaluator = create_evaluator(tested, len(data.classes), device)
    evaluator.run(in_order(data.test, data, device, memory_format(options)))
    metrics = evaluator.state.metrics
    if idist.get_rank() > 0:
        return
    history = run.read("history.json")
    best = max(history, key=lambda row: row["validation_accuracy"])
    result: Result = {
        "epochs": len(history),
        "best_epoch": best["epoch"],
        "seconds": round(sum(row["seconds"] for row in history), 1),
        "validation_accuracy": best["validation_accuracy"],
        "test_accuracy": metrics["accuracy"],
        "test_loss": metrics["loss"],
        "confusion": metrics["confusion"].int().tolist(),
    }
    from . import plots

    run.save_figure("curve.png", plots.learning_curve(history))
    run.save_figure("confusion.png", plots.confusion(result["confusion"], data.classes))
    run.write("result.json", result)  # last: it says that the run is finished


def description(
    recipe: Recipe, options: Options, device: torch.device, data: Data, model: nn.Module
) -> Description:
    return {
        "recipe": recipe.as_dict(),
        "options": {
            "device": device.type,
            "threads": torch.get_num_threads(),
            "precision": options.precision,
            "channels_last": options.channels_last,
            "compile": options.compile,
        },
        "environment": machine.environment(device, options),
        "data": described(data),
        "parameters": count_parameters(model),
        "macs": count_macs(model, (1, *data.train.images.shape[1:])),
    }


def check_same_data(run: Run, data: Data) -> None:
    if not is_described(data, run.read("run.json")["data"]):
        raise UserError(
            f"the images of {data.name}, or their labels, have changed since {run} was started: "
            "put them back, or train anew"
        )


def _announce(run: Run, device: torch.device, data: Data, options: Options) -> None:
    about = run.read("run.json")
    print(f"{machine.describe(device)}, {options.precision}; run folder {run}")
    print(
        f"{about['recipe']['network']}: {about['parameters']:,} parameters, "
        f"{about['macs'] / 1e6:,.2f} million multiply-accumulates an image"
    )
    print(
        f"{data.name}: {len(data.train):,} images to train on, {len(data.validation):,} to "
        f"validate, {len(data.test):,} to test, {len(data.classes)} classes"
    )
