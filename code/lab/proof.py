"""Whether a lesson's network is torchvision's: equal weights must give equal outputs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

LARGEST_DIFFERENCE = 1e-5  # between two outputs, in the order of one


@dataclass(frozen=True)
class SameAs:
    """A network of torchvision, and the lesson's own that has the same function."""

    model: str  # its name in `torchvision.models`
    build: Callable[[], nn.Module]  # makes the lesson's own, in the same size
    rename: Callable[[str], str]  # what torchvision calls a weight of the lesson's
    arguments: Mapping[str, Any] = field(default_factory=dict)  # of torchvision's function
    side: int = 224  # of the images that both are compared on, in pixels

    def theirs(self) -> nn.Module:
        """torchvision's network, with fresh weights."""
        from torchvision import models  # a training with images of one's own never needs it

        model: nn.Module = models.get_model(self.model, weights=None, **self.arguments)
        return model


@dataclass(frozen=True)
class Proof:
    """What a comparison came to."""

    change: str  # how the weights of the two differ in name or shape; empty where they do not
    differences: Mapping[str, float]  # the largest of each output, in train and in eval mode

    @property
    def holds(self) -> bool:
        """Whether the two have the same function."""
        equal = (far <= LARGEST_DIFFERENCE for far in self.differences.values())  # NaN is not
        return not self.change and all(equal)

    def __str__(self) -> str:
        if self.change:
            return self.change
        differences = self.differences.items()
        return "\n".join(f"{name}: largest difference {far:.1e}" for name, far in differences)


def changed(same_as: SameAs) -> str:
    """How weights of a lesson's network differ from torchvision's in name or shape, or ""."""
    with torch.device("meta"):
        ours = {same_as.rename(name): w.shape for name, w in same_as.build().state_dict().items()}
        theirs = {name: weight.shape for name, weight in same_as.theirs().state_dict().items()}
    kinds = {
        "more": ours.keys() - theirs.keys(),
        "fewer": theirs.keys() - ours.keys(),
        "of another shape": {n for n in ours.keys() & theirs.keys() if ours[n] != theirs[n]},
    }
    parts = [
        f"{len(names)} {kind} ({min(names)}{', ...' if len(names) > 1 else ''})"
        for kind, names in kinds.items()
        if names
    ]
    if not parts:
        return ""
    return f"this is no longer torchvision's {same_as.model}: of its weights {', '.join(parts)}"


def prove(same_as: SameAs) -> Proof:
    """Compare a lesson's network with torchvision's on random images, with the same weights.

    Both see the images in train mode, without dropout, and then in eval mode. Batch norms take
    over the statistics of the first pass whole: through many fresh layers that know nothing of the
    images no signal comes, and everything would look equal.
    """
    if change := changed(same_as):
        return Proof(change, {})
    with torch.device("meta"):
        ours = same_as.build()
    theirs = same_as.theirs()
    for weight in theirs.parameters():
        if not weight.any():  # as in the head of ViT, which would answer 0 to everything
            nn.init.normal_(weight, std=0.02)
    weights = theirs.state_dict()
    renamed = {name: weights[same_as.rename(name)] for name in ours.state_dict()}
    ours.load_state_dict(renamed, assign=True)
    for module in (*ours.modules(), *theirs.modules()):
        if isinstance(module, nn.Dropout):
            module.p = 0.0  # each network would drop something else
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    images = torch.rand(2, 3, same_as.side, same_as.side)
    differences = {}
    for mode in ("training", "evaluation"):
        with torch.no_grad():
            both = [_outputs(model.train(mode == "training")(images)) for model in (ours, theirs)]
        for number, (one, other) in enumerate(zip(*both, strict=True)):
            name = f"{mode}, auxiliary {number}" if number else mode
            differences[name] = float((one - other).abs().max())
    return Proof("", differences)


def _outputs(output: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The logits of a network, then in train mode those of its auxiliary classifiers, in order.

    torchvision names them in a tuple, the last auxiliary classifier before the first.
    """
    if isinstance(output, Tensor):
        return (output,)
    fields = sorted(getattr(output, "_fields", ()), key=lambda name: (name != "logits", name))
    return tuple(getattr(output, name) for name in fields) or output
