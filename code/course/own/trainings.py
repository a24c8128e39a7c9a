"""The trainings that this lecture records besides one for each network, and its searches."""

from __future__ import annotations

from collections.abc import Callable

from .. import darts_search, lessons, nsganet_search

# A lesson, the name that its record has, and the settings that make it.
EXPERIMENTS = {
    # He et al., figure 6: what depth does to a network without shortcuts, and with them.
    "shortcuts": [
        ("resnet", "resnet56", "--depth 56"),
        ("resnet", "plain20", "--plain"),
        ("resnet", "plain56", "--plain --depth 56"),
        ("resnet", "plain56_lower", "--plain --depth 56 --lr 0.05"),
    ],
    # The same network in less time; and without what its recipe adds to plain gradient descent.
    "recipes": [
        ("resnet", "short", "--epochs 6"),
        ("resnet", "hasty", "--epochs 12 --lr 0.02 --weight-decay 0 --crop-padding 0 --no-flip"),
    ],
    # Jordan et al. 2024, Tan and Le 2021: the same network with less training, by each and by both;
    # and with test-time augmentation.
    "sooner": [
        ("resnet", "epochs12", "--epochs 12"),
        ("resnet", "small_images", "--epochs 12 --small-share 0.5"),
        ("resnet", "muon", "--epochs 12 --muon 0.1"),
        ("resnet", "muon_small_images", "--epochs 12 --muon 0.1 --small-share 0.5"),
        ("resnet", "muon_small_images_32", "--epochs 32 --muon 0.1 --small-share 0.5"),
        ("resnet", "muon_small_images_tta", "--epochs 20 --muon 0.1 --small-share 0.5 --tta"),
    ],
    # The recipe of all, on the networks that their lessons call full size.
    "full-size": [
        (name, "full_size", lessons.networks()[name].full_size)
        for name in ("alexnet", "vgg16", "googlenet", "inception", "resnet")
    ],
    # Xiao et al. 2021: a transformer whose first layers are convolutions.
    "stem": [("vit", "convolutions", "--stem conv")],
}

# How each is made: `darts_search.make` says what it is given.
SEARCHES: dict[str, Callable[..., None]] = {
    "nsganet-search": nsganet_search.make,
    "darts-search": darts_search.make,
}
