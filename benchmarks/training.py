"""How fast is `lab.training`, against loops that others write? Ratios from interleaved rounds.

    python benchmarks/training.py [--rounds 5] [--threads 2]

Every contender trains the same network on the same images (drawn shapes), with the same batch size,
optimizer, random crop and mirroring, on the CPU, in one process:

- fit: `lab.training.fit` as the lessons run it, checkpoints, history and NaN check included;
- bare: the shortest PyTorch loop on the same tensors and batches, with no bookkeeping at all;
- pil: the same bare loop on the usual pipeline, PIL images through torchvision's transforms and a
  DataLoader with two workers;
- ignite: that pipeline with the handlers of ignite's CIFAR10 example
  (`setup_common_training_handlers`: running average, NaN check, a bar redrawn at each step).

A round runs all of them; a ratio is taken within a round, and the median over rounds is printed.
The validation set of `fit` is 100 images, so that training is what is timed.
"""

import contextlib
import io
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

import torch
from ignite.contrib.engines import common
from ignite.engine import Engine
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

import lab
import lenet
import resnet
from lab import machine, training
from lab.parser import Parser, positive
from lab.runs import Run

CPU = torch.device("cpu")


class Pictures(Dataset):
    """The training images one by one, as torchvision's CIFAR10 gives them."""

    def __init__(self, data: lab.Data, padding: int) -> None:
        self.arrays = data.train.images.permute(0, 2, 3, 1).numpy()
        self.labels = data.train.labels.tolist()
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(32, padding),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(data.mean, data.std),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.arrays[index])), self.labels[index]


def batches(data: lab.Data, recipe: lab.Recipe) -> lab.Batches:
    return training.get_dataflow(data, recipe, CPU, torch.channels_last)[0]


def loader(data: lab.Data, recipe: lab.Recipe) -> DataLoader:
    pictures = Pictures(data, recipe.crop_padding)
    return DataLoader(pictures, recipe.batch_size, shuffle=True, num_workers=2)


def prepare(
    model: nn.Module, recipe: lab.Recipe
) -> tuple[nn.Module, torch.optim.Optimizer, Callable[[Tensor, Tensor], Tensor]]:
    """The network, its optimizer, and one bare step."""
    model.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(
        model.parameters(), recipe.lr, recipe.momentum, weight_decay=5e-4, nesterov=True
    )

    def step(images: Tensor, labels: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss

    return model, optimizer, step


def fit(model: nn.Module, data: lab.Data, recipe: lab.Recipe) -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        run = Run.create(folder, recipe)
        training.fit(model, data, recipe, lab.Options(device="cpu"), CPU, run)


def bare(model: nn.Module, data: lab.Data, recipe: lab.Recipe) -> None:
    source = batches(data, recipe)
    _, _, step = prepare(model, recipe)
    for epoch in range(recipe.epochs):
        source.epoch = epoch
        for images, labels, _ in source:
            step(images, labels)


def pil(model: nn.Module, data: lab.Data, recipe: lab.Recipe) -> None:
    source = loader(data, recipe)
    _, _, step = prepare(model, recipe)
    for _ in range(recipe.epochs):
        for images, labels in source:
            step(images.contiguous(memory_format=torch.channels_last), labels)


def ignite_example(model: nn.Module, data: lab.Data, recipe: lab.Recipe) -> None:
    source = loader(data, recipe)
    _, _, step = prepare(model, recipe)

    def update(engine: Engine, batch: tuple[Tensor, Tensor]) -> dict[str, float]:
        images, labels = batch
        images = images.contiguous(memory_format=torch.channels_last)
        return {"batch loss": step(images, labels).item()}

    trainer = Engine(update)
    common.setup_common_training_handlers(
        trainer, output_names=["batch loss"], with_pbars=True, clear_cuda_cache=False
    )
    with contextlib.redirect_stderr(io.StringIO()):
        trainer.run(source, max_epochs=recipe.epochs)


CONTENDERS = {"fit": fit, "bare": bare, "pil": pil, "ignite": ignite_example}


def timed(work: Callable[[], object], images: int) -> float:
    """Images a second."""
    start = time.perf_counter()
    work()
    return images / (time.perf_counter() - start)


def drain(source: Iterable) -> None:
    for _ in source:
        pass


def show(title: str, rounds: list[dict[str, float]]) -> None:
    """Medians in images a second, and the median of the ratios within a round."""
    first = next(iter(rounds[0]))
    print(f"\n{title}")
    for name in rounds[0]:
        speeds = [speed[name] for speed in rounds]
        ratios = [speed[first] / speed[name] for speed in rounds]
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        print(
            f"  {name:8}{statistics.median(speeds):10,.0f} images/s"
            f"   {first} / {name}: x{statistics.median(ratios):.3f} ({spread})"
        )


def peak_memory() -> float | None:
    """Of a whole training process, in MiB; None on Windows, which does not tell."""
    if sys.platform == "win32":
        return None
    import resource

    with tempfile.TemporaryDirectory() as out:
        lesson = [sys.executable, lenet.__file__, "--data", "shapes", "--epochs", "1"]
        subprocess.run([*lesson, "--out", out], check=True, stdout=subprocess.DEVNULL)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def main() -> None:
    machine.show_errors_in_one_line()
    parser = Parser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=positive, default=5)
    parser.add_argument("--threads", type=int, default=0, help="0 leaves it to PyTorch")
    given = parser.parse_args()
    options = lab.Options(threads=given.threads)
    peak = peak_memory()  # first: afterwards the workers of the loaders count, too
    machine.prepare(options)
    print(f"{machine.describe(CPU)}, PyTorch {torch.__version__}")

    everything = lab.load("shapes")
    everything = replace(everything, validation=everything.validation.first(100))
    recipe = lab.Recipe("benchmark", data="shapes", epochs=1)

    def paths(data: lab.Data) -> dict[str, float]:
        source, usual = batches(data, recipe), loader(data, recipe)
        return {
            "ours": timed(lambda: drain(source), len(data.train)),
            "pil": timed(lambda: drain(usual), len(data.train)),
        }

    paths(everything)  # warm-up
    show("the data path alone", [paths(everything) for _ in range(given.rounds)])

    networks = (
        ("LeNet", lambda: lenet.build(lenet.RECIPE, 10), 9000, 4),
        ("ResNet-20", lambda: resnet.resnet_cifar10(20), 6000, 1),
    )
    for title, build, images, epochs in networks:
        data = replace(everything, train=everything.train.first(images))
        chosen = replace(recipe, epochs=epochs)
        rounds, names = [], list(CONTENDERS)
        for number in range(given.rounds + 1):
            # Every contender runs first once in a while: a machine slows down as it warms up.
            order = names[number % len(names) :] + names[: number % len(names)]
            measured = {
                name: timed(lambda: CONTENDERS[name](build(), data, chosen), images * epochs)  # noqa: B023
                for name in order
            }
            speeds = {name: measured[name] for name in names}
            if number:  # the first round warms up
                rounds.append(speeds)
        show(f"{title}, training", rounds)

    if peak:
        print(f"\npeak memory of `python code/lenet.py --data shapes --epochs 1`: {peak:,.0f} MiB")


if __name__ == "__main__":
    main()
