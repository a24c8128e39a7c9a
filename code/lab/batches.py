"""Batches of images that lie in memory: drawn, shifted, mirrored and normalized all at once.

Everything happens on the device where the images lie, for a whole batch at a time; no worker
processes are needed, and it is many times faster than transforming image by image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import KW_ONLY, InitVar, dataclass, field
from typing import TYPE_CHECKING, Any

import ignite.distributed as idist
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

if TYPE_CHECKING:
    from .data import Data, Split
    from .recipe import Recipe


@dataclass(eq=False)
class Batches:
    """Augmented, normalized training batches, one epoch after another.

    The order and the augmentation of all images are drawn at the start of an epoch from the pair
    (seed, epoch), then cut into global batches and those into one slice for each process. So any
    number of processes trains on the same images in the same batches, and an epoch can be taken
    up again in its middle.

    An epoch has `len(self)` global batches, whose sizes differ by one at most: no small last one.

    Attributes:
        epoch: which epoch the next iteration draws, from 0; read with its first batch.
        start: the first batch it yields; 0 again afterwards.
        side: of the images it yields, in pixels, where they are to be smaller; else 0.

    Args:
        split: the images; the batches come on their device.
        mean, std: one value a channel, of the images divided by 255.
        batch_size: the largest size of a global batch.
        seed, crop_padding, flip, cutout: as in a recipe. What comes in at the edge is black, and
            what is cut out has the mean color.
        rank, world_size: this process, and how many there are; by default those that run.
        memory_format: of the images yielded.
    """

    split: InitVar[Split]
    _: KW_ONLY
    mean: Sequence[float]
    std: Sequence[float]
    batch_size: int
    seed: int
    crop_padding: int = 0
    flip: bool = False
    cutout: int = 0
    rank: int = field(default_factory=idist.get_rank)
    world_size: int = field(default_factory=idist.get_world_size)
    memory_format: torch.memory_format = torch.contiguous_format

    def __post_init__(self, split: Split) -> None:
        self.epoch = self.start = self.side = 0
        self.labels = split.labels
        self.windows = _windows(split.images, self.crop_padding, self.memory_format)
        self.normalize = _normalizer(self.mean, self.std, split.images, self.memory_format)

    @classmethod
    def of(
        cls, data: Data, recipe: Recipe, *, device: torch.device | str | None = None, **others: Any
    ) -> Batches:
        """The training images of a data set, augmented as a recipe says.

        They are moved to `device` first, or stay where they are. Other arguments as above.
        """
        return cls(
            data.train if device is None else data.train.to(device),
            mean=data.mean,
            std=data.std,
            batch_size=recipe.batch_size,
            seed=recipe.seed,
            crop_padding=recipe.crop_padding,
            flip=recipe.flip,
            cutout=recipe.cutout,
            **others,
        )

    def __len__(self) -> int:
        return -(-len(self.labels) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, int]]:
        """Yield images, float32 (n, C, H, W), labels, int64 (n,), and the global batch's size.

        n is this process's part of the global batch; it may be 0.
        """
        first, self.start = self.start, 0
        draws = self._draw(self.epoch)
        for number, batch in enumerate(draws.tensor_split(len(self), dim=1)):
            if number >= first:
                yield *self._make(batch[:, self.rank :: self.world_size]), batch.shape[1]

    def _draw(self, epoch: int) -> Tensor:
        """Everything random in an epoch, int64 (6, N), a row for each thing that `_make` reads."""
        count = len(self.labels)
        height, width = self.windows.shape[-2:]
        random = np.random.default_rng((self.seed, epoch))
        draws = [
            random.permutation(count),
            random.integers(2 * self.crop_padding + 1, size=count),
            random.integers(2 * self.crop_padding + 1, size=count),
            random.integers(2, size=count),
            random.integers(height, size=count),
            random.integers(width, size=count),
        ]
        return torch.from_numpy(np.stack(draws)).to(self.labels.device)

    def _make(self, draws: Tensor) -> tuple[Tensor, Tensor]:
        """Make one process's part of a batch."""
        index, down, right, mirrored, y, x = draws
        images = self.windows[index, down, right]
        if self.flip:
            # uint8 wraps around at 256 there and back, so this selects exactly, and five times
            # as fast as torch.where; a boolean index would make a GPU wait.
            chosen = mirrored.to(torch.uint8).view(-1, 1, 1, 1)
            images = images + (images.flip(-1) - images) * chosen
        images = self.normalize(images)
        if self.cutout:
            images.masked_fill_(_squares(y, x, self.cutout, images.shape[-2:]), 0)
        if self.side:
            size = self.side, self.side
            images = interpolate(images, size, mode="bilinear", antialias=True)
        return images, self.labels[index]


@dataclass(frozen=True, eq=False)
class _InOrder:
    """Every image of a process's share once, in order, as it is but normalized."""

    split: Split
    normalize: Callable[[Tensor], Tensor]
    batch_size: int
    memory_format: torch.memory_format

    def __len__(self) -> int:
        return -(-len(self.split) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for first in range(0, len(self.split), self.batch_size):
            batch = slice(first, first + self.batch_size)
            images = self.split.images[batch].contiguous(memory_format=self.memory_format)
            yield self.normalize(images), self.split.labels[batch]


def normalized(
    split: Split,
    mean: Sequence[float],
    std: Sequence[float],
    batch_size: int,
    memory_format: torch.memory_format = torch.contiguous_format,
) -> _InOrder:
    """Batches for evaluation: all images in order, without augmentation, as often as one likes.

    Each image is seen by exactly one of the processes; their shares may differ by one image.
    Arguments as for `Batches`, with `batch_size` that of this process; the last may be smaller.
    """
    mine = slice(idist.get_rank(), None, idist.get_world_size())
    share = type(split)(split.images[mine], split.labels[mine])
    normalize = _normalizer(mean, std, split.images, memory_format)
    return _InOrder(share, normalize, batch_size, memory_format)


def _normalizer(
    mean: Sequence[float], std: Sequence[float], images: Tensor, memory_format: torch.memory_format
) -> Callable[[Tensor], Tensor]:
    """From uint8 images to float32 with zero mean and unit deviation in each channel."""

    def whole_image(values: Sequence[float]) -> Tensor:
        # As large as an image rather than one value a channel: in channels_last, arithmetic is
        # eight times as fast where both sides have the same layout.
        channels = torch.tensor(values).view(1, -1, 1, 1)
        whole = channels.expand(1, *images.shape[1:]).to(images.device)
        return whole.contiguous(memory_format=memory_format)

    center = whole_image([255 * value for value in mean])
    scale = whole_image([1 / (255 * value) for value in std])
    return lambda images: images.float().sub_(center).mul_(scale)


def _windows(images: Tensor, padding: int, memory_format: torch.memory_format) -> Tensor:
    """View images so that [i, y, x] is image i moved by (padding - y, padding - x) pixels.

    Images are uint8 (N, C, H, W), windows (N, 2 * padding + 1, 2 * padding + 1, C, H, W). Nothing
    is copied but the padded images: the windows overlap in memory.
    """
    height, width = images.shape[-2:]
    padded = pad(images, (padding,) * 4).contiguous(memory_format=memory_format)
    return padded.unfold(2, height, 1).unfold(3, width, 1).permute(0, 2, 3, 1, 4, 5)


def _squares(y: Tensor, x: Tensor, side: int, size: Sequence[int]) -> Tensor:
    """Mask squares centered at (y, x), cut off at the image's edge, bool (n, 1, H, W)."""
    rows = torch.arange(size[0], device=y.device) - (y[:, None] - side // 2)
    columns = torch.arange(size[1], device=x.device) - (x[:, None] - side // 2)
    rows, columns = (rows >= 0) & (rows < side), (columns >= 0) & (columns < side)
    return (rows[:, :, None] & columns[:, None, :])[:, None]
