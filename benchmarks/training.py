"""How fast is `lab.training`, against loops that others write? Ratios from interleaved rounds.

    python benchmarks/training.py [--rounds 5] [--threads 2] [lenet resnet20 vgg16 resnet18]
    python benchmarks/training.py --device cuda

Every contender trains the same network on the same images (drawn shapes), with the same batch size,
optimizer, random crop and mirroring, on one device, in one process:

- fit: `lab.training.fit` as the lessons run it, checkpoints, history and NaN check included;
- bare: the shortest PyTorch loop on the same tensors and batches, in the same number format, with
  no bookkeeping at all;
- pil: a bare loop on the usual pipeline, PIL images through torchvision's transforms and a
  DataLoader with two workers, or with a GPU one for each core, in float32, as such a loop does by
  itself;
- ignite: that pipeline with the handlers of ignite's CIFAR10 example
  (`setup_common_training_handlers`: running average, NaN check, a bar redrawn at each step);
- airbench: the bare loop, in the number format of fit, on the loader of airbench (Keller Jordan),
  if that is installed: `pip install airbench`.

A round runs all of them, each first once in a while; a ratio is taken within a round, and the
median over rounds is printed. A round is one epoch. On a GPU and for LeNet, it has as many images
as with CIFAR10; on a CPU larger networks have fewer, so that a round stays short, and the
checkpoint at its end takes a larger share of the time than in a training. The validation set of
`fit` is 100 images, so that training is what is timed. The goals, on a quiet CPU that has
instructions for bf16: fit / bare at least 0.98; fit / pil at least 3.2 with LeNet and 1.8 with
ResNet-20.
"""

import contextlib
import gc
import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import torch
from arguments import positive
from ignite.contrib.engines import common
from ignite.engine import Engine
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

import lab
from course import lessons
from lab import machine, training
from lab.data import Split
from lab.parser import Parser
from lab.precision import FORMATS, pick_precision
from lab.runs import Run

CIFAR10 = 45_000  # images that a lesson trains on


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


def batches(data: lab.Data, recipe: lab.Recipe, options: lab.Options) -> lab.Batches:
    return training.get_dataflow(data, recipe, torch.device(options.device), torch.channels_last)[0]


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2


def loader(data: lab.Data, recipe: lab.Recipe, options: lab.Options) -> DataLoader:
    cuda = options.device == "cuda"
    return DataLoader(
        Pictures(data, recipe.crop_padding),
        recipe.batch_size,
        shuffle=True,
        num_workers=cores() if cuda else 2,
        pin_memory=cuda,
    )


def prepare(
    model: nn.Module, recipe: lab.Recipe, device: str, precision: str = "fp32"
) -> Callable[[Tensor, Tensor], Tensor]:
    """One bare step of a network, in float32 or in half precision."""
    model.to(device).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(
        model.parameters(), recipe.lr, recipe.momentum, weight_decay=5e-4, nesterov=True
    )

    def step(images: Tensor, labels: Tensor) -> Tensor:
        optimizer.zero_grad()
        with torch.autocast(device, FORMATS[precision], enabled=precision != "fp32"):
            loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss

    return step


def fit(model: nn.Module, data: lab.Data, recipe: lab.Recipe, options: lab.Options) -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        run = Run.create(folder, recipe)
        training.fit(model, data, recipe, options, torch.device(options.device), run)


def bare(model: nn.Module, data: lab.Data, recipe: lab.Recipe, options: lab.Options) -> None:
    step = prepare(model, recipe, options.device, options.precision)
    for images, labels, _ in batches(data, recipe, options):
        step(images, labels)


def to_device(images: Tensor, labels: Tensor, device: str) -> tuple[Tensor, Tensor]:
    """A batch of a loader, on the device."""
    images = images.to(device, non_blocking=True)
    return (
        images.contiguous(memory_format=torch.channels_last),
        labels.to(device, non_blocking=True),
    )


def pil(model: nn.Module, data: lab.Data, recipe: lab.Recipe, options: lab.Options) -> None:
    step = prepare(model, recipe, options.device)
    for images, labels in loader(data, recipe, options):
        step(*to_device(images, labels, options.device))


def ignite_example(
    model: nn.Module, data: lab.Data, recipe: lab.Recipe, options: lab.Options
) -> None:
    step = prepare(model, recipe, options.device)

    def update(engine: Engine, batch: tuple[Tensor, Tensor]) -> dict[str, float]:
        return {"batch loss": step(*to_device(*batch, options.device)).item()}

    trainer = Engine(update)
    common.setup_common_training_handlers(
        trainer, output_names=["batch loss"], with_pbars=True, clear_cuda_cache=False
    )
    with contextlib.redirect_stderr(io.StringIO()):
        trainer.run(loader(data, recipe, options))


def airbench(model: nn.Module, data: lab.Data, recipe: lab.Recipe, options: lab.Options) -> None:
    from airbench.utils import CifarLoader

    with tempfile.TemporaryDirectory() as folder:  # it reads a file of its own
        images = data.train.images.permute(0, 2, 3, 1).contiguous()
        content = {"images": images, "labels": data.train.labels, "classes": data.classes}
        torch.save(content, Path(folder, "train.pt"))
        augmentation = {"flip": recipe.flip, "translate": recipe.crop_padding}
        source = CifarLoader(
            folder,
            batch_size=recipe.batch_size,
            aug=augmentation,
            drop_last=False,
            altflip=True,
            gpu=options.device,
        )
    step = prepare(model, recipe, options.device, options.precision)
    for images, labels in source:
        step(images.float().contiguous(memory_format=torch.channels_last), labels)


CONTENDERS = {"fit": fit, "bare": bare, "pil": pil, "ignite": ignite_example}
if find_spec("airbench"):
    CONTENDERS["airbench"] = airbench


class Timed(NamedTuple):
    """A lesson's network, with other settings, and the number of images in a round."""

    title: str
    lesson: str
    settings: dict[str, object]
    images: int  # on a CPU

    def build(self) -> nn.Module:
        """The network."""
        lesson = lessons.find(self.lesson)
        return lesson.build(replace(lesson.recipe, **self.settings), 10)


KNOWN = {
    "lenet": Timed("LeNet", "lenet", {}, CIFAR10),
    "resnet20": Timed("ResNet-20", "resnet", {"depth": 20}, 6000),
    "vgg16": Timed("VGG16", "vgg16", {}, 6000),
    "resnet18": Timed("ResNet-18", "resnet", {"depth": 18}, 8000),
}
# Those whose lessons are here.
NETWORKS = {name: each for name, each in KNOWN.items() if each.lesson in lessons.names()}


def timed(work: Callable[[], object], images: int) -> float:
    """Images a second."""
    gc.collect()  # else a forked DataLoader worker may free CUDA tensors of the contender before
    start = time.perf_counter()
    work()
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
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


def main() -> None:
    machine.show_errors_in_one_line()
    parser = Parser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=positive, default=5)
    parser.add_argument("--threads", type=int, default=2, help="0 leaves it to PyTorch")
    parser.add_argument("--precision", default="auto", choices=("auto", "fp32", "bf16"))
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--smoke", action="store_true", help="does it run? a round of few images")
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=", ".join(NETWORKS))
    given = parser.parse_args()
    unknown = [name for name in given.networks if name not in NETWORKS]
    if unknown:
        raise lab.UserError(f"there is no network {unknown[0]}: {', '.join(NETWORKS)}")
    if given.smoke:
        given.rounds = 1
    options = lab.Options(threads=given.threads, device=given.device)
    machine.prepare(options)
    device = torch.device(given.device)
    options = replace(options, precision=pick_precision(given.precision, device))
    print(f"{machine.describe(device)}, {options.precision}, PyTorch {torch.__version__}")

    everything = lab.load("shapes", limit=64 if given.smoke else None)
    everything = replace(everything, validation=everything.validation.first(100))
    # The drawn shapes are fewer: they are repeated until there are as many as of CIFAR10.
    index = torch.arange(CIFAR10) % len(everything.train)
    train = Split(everything.train.images[index], everything.train.labels[index])
    recipe = lab.Recipe("benchmark", data="shapes", epochs=1)

    def paths() -> dict[str, float]:
        sources = {
            "ours": batches(everything, recipe, options),
            "pil": loader(everything, recipe, options),
        }
        images = len(everything.train)
        return {name: timed(partial(drain, each), images) for name, each in sources.items()}

    paths()  # warm-up
    show("the data path alone", [paths() for _ in range(given.rounds)])

    for name in given.networks or NETWORKS:
        network = NETWORKS[name]
        images = CIFAR10 if given.device == "cuda" else network.images
        images = 64 if given.smoke else images
        data = replace(everything, train=train.first(images))
        rounds, names = [], list(CONTENDERS)
        for number in range(given.rounds + 1):
            # Every contender runs first once in a while: a machine slows down as it warms up.
            order = names[number % len(names) :] + names[: number % len(names)]
            measured = {}
            for each in order:
                work = partial(CONTENDERS[each], network.build(), data, recipe, options)
                measured[each] = timed(work, images)
            if number:  # the first round warms up
                rounds.append({each: measured[each] for each in names})
        show(f"{network.title}, training", rounds)


if __name__ == "__main__":
    main()
