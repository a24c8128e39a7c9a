"""The gaps of code/exercise.py, filled: ResNet-18."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import torch
from ignite.engine import Engine, Events
from ignite.handlers import PiecewiseLinear
from ignite.metrics import Accuracy, Average, Loss
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer
from torchvision import models

import lab


def choose() -> nn.Module:
    return models.resnet18()


def paper_table() -> list[tuple[str, ...]]:
    return [
        ("conv1", "conv1", "bn1"),
        ("conv2_x", "layer1"),
        ("conv3_x", "layer2"),
        ("conv4_x", "layer3"),
        ("conv5_x", "layer4"),
        ("1000-d fc", "fc"),
    ]


def build(classes: int) -> nn.Module:
    model = models.resnet18(num_classes=classes)
    model.conv1 = nn.Conv2d(3, 64, kernel_size=3, padding=1, bias=False)
    model.maxpool = nn.Identity()
    return model


def get_dataflow(
    data: lab.Data, recipe: lab.Recipe
) -> tuple[lab.Batches, Iterable[tuple[Tensor, Tensor]]]:
    training = lab.Batches(
        data.train,
        mean=data.mean,
        std=data.std,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
        crop_padding=recipe.crop_padding,
        flip=recipe.flip,
        cutout=recipe.cutout,
    )
    return training, lab.normalized(data.validation, data.mean, data.std, batch_size=500)


def create_optimizer(model: nn.Module, recipe: lab.Recipe) -> Optimizer:
    return torch.optim.SGD(
        model.parameters(),
        lr=recipe.lr,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=True,
    )


def create_trainer(model: nn.Module, optimizer: Optimizer) -> Engine:
    def step(engine: Engine, batch: tuple[Tensor, Tensor, int]) -> Tensor:
        images, labels, _ = batch
        model.train()
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Engine(step)


def create_evaluator(model: nn.Module) -> Engine:
    def step(engine: Engine, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        images, labels = batch
        model.eval()
        with torch.no_grad():
            return model(images), labels

    evaluator = Engine(step)
    Accuracy().attach(evaluator, "accuracy")
    Loss(F.cross_entropy).attach(evaluator, "loss")
    return evaluator


def add_schedule(trainer: Engine, optimizer: Optimizer, recipe: lab.Recipe, steps: int) -> None:
    rising = max(1, round(recipe.warmup * steps))
    cycle = [(0, 0.0), (rising, recipe.lr), (steps, 0.0)]
    trainer.add_event_handler(Events.ITERATION_STARTED, PiecewiseLinear(optimizer, "lr", cycle))


def add_validation(
    trainer: Engine, evaluator: Engine, validation: Iterable[tuple[Tensor, Tensor]]
) -> list[dict[str, Any]]:
    history: list[dict[str, Any]] = []
    Average().attach(trainer, "loss")

    @trainer.on(Events.EPOCH_COMPLETED)
    def validate() -> None:
        evaluator.run(validation)
        row = {
            "epoch": trainer.state.epoch,
            "train_loss": trainer.state.metrics["loss"],
            "validation_loss": evaluator.state.metrics["loss"],
            "validation_accuracy": evaluator.state.metrics["accuracy"],
        }
        history.append(row)
        print(row)

    return history


def train(model: nn.Module, data: lab.Data, recipe: lab.Recipe) -> list[dict[str, Any]]:
    training, validation = get_dataflow(data, recipe)
    optimizer = create_optimizer(model, recipe)
    trainer, evaluator = create_trainer(model, optimizer), create_evaluator(model)
    add_schedule(trainer, optimizer, recipe, recipe.epochs * len(training))
    history = add_validation(trainer, evaluator, validation)
    best: dict[str, Any] = {"accuracy": -1.0}

    @trainer.on(Events.EPOCH_STARTED)
    def shuffle() -> None:
        training.epoch = trainer.state.epoch - 1

    @trainer.on(Events.EPOCH_COMPLETED)
    def keep_best() -> None:
        if history[-1]["validation_accuracy"] > best["accuracy"]:
            best["accuracy"] = history[-1]["validation_accuracy"]
            best["weights"] = copy.deepcopy(model.state_dict())

    trainer.run(training, max_epochs=recipe.epochs)
    model.load_state_dict(best["weights"])
    return history


def report(model: nn.Module, data: lab.Data) -> float:
    evaluator = create_evaluator(model)
    evaluator.run(lab.normalized(data.test, data.mean, data.std, batch_size=500))
    return evaluator.state.metrics["accuracy"]
