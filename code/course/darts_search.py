"""The search of DARTS that the slides show: how it is made, and what is recorded of it.

The record, `static/searches/darts.json`, holds how alpha went, epoch by epoch, and what the
network of the cell found is worth against networks of cells drawn at random, each trained for the
same short while with the same seeds. `code/course/results.py` makes it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import darts
import lab
from lab import cli, files, machine
from lab.recipe import flag, recorded_recipe
from lab.runs import Epoch, Run
from lab.search import bilevel

from . import nsganet_search as searches
from . import record

RANDOM = 5  # cells drawn at random
# How each network is trained to be compared. Drop-path and its like help in long trainings.
BRIEFLY: dict[str, Any] = {
    "cells": 5,
    "channels": 8,
    "epochs": 10,
    "lr": 0.1,
    "drop_path": 0.0,
    "auxiliary_weight": 0.0,
}

Finish = Callable[[darts.DARTSRecipe, list[str], str], Run]


def make(
    settings: Sequence[str],
    seeds: int,
    replacing: bool,
    run: Callable[[list[str]], None],
    finish: Finish,
) -> None:
    """Search, train what was found and what was drawn, and write the record.

    What is there already stays as it is.

    Args:
        settings: for the lesson.
        seeds: each network is trained with 0 to seeds - 1.
        replacing: whether a record of other settings may be written over.
        run: runs a script of the project with arguments, to its end.
        finish: finds or makes the finished run of a recipe, given the words that stand for it on
            the command line, and the folder of the runs.

    Raises:
        UserError: settings that are none, or a record that would be lost.
    """
    command = darts.LESSON.commands["search"]
    wanted, options = cli.command_line(
        darts.SEARCH, "", settings, options=command.options, hidden=command.hidden
    )
    if options.smoke:
        raise lab.UserError("leave out --smoke: a recorded search is a whole one")
    recipe = trained_with(wanted)
    path = searches.SEARCHES / f"{darts.RECIPE.network}.json"
    if _is_recorded(path, described(wanted), seeds, replacing):
        print(f"{machine.shown(path)}: recorded already", flush=True)
        return
    run([machine.shown(Path(darts.__file__)), "search", *settings])
    # It is finished: this reads it.
    found = bilevel.search(darts.Bilevel, wanted, options, images=wanted.images)
    common = _common_words(recipe, options)
    networks = []
    for name in ("searched", *(f"random:{seed}" for seed in range(1, RANDOM + 1))):
        genotype = found.read("genotype.json") if name == "searched" else name
        one = replace(recipe, genotype=genotype, **BRIEFLY)
        its = [*common, "--genotype", one.genotype]
        runs = [finish(replace(one, seed=seed), its, options.out) for seed in range(seeds)]
        networks.append({"name": name, "genotype": one.genotype} | _outcome(runs))
    made = collect(wanted, found, networks)
    print(f"{machine.shown(record.save(made, path))}: the search is recorded", flush=True)


def trained_with(wanted: darts.SearchRecipe) -> darts.DARTSRecipe:
    """How networks are trained after a search: on its images, with its augmentation."""
    shared = ("data", "limit", "crop_padding", "flip", "seed")
    return replace(darts.RECIPE, **{name: getattr(wanted, name) for name in shared})


def described(wanted: darts.SearchRecipe) -> dict[str, Any]:
    """The settings of a search and of the trainings after it, as the record has them."""
    compared = recorded_recipe(replace(trained_with(wanted), **BRIEFLY).as_dict())
    del compared["genotype"]
    return {
        "seed": wanted.seed,
        "search": recorded_recipe(wanted.as_dict()),
        "comparison": compared,
    }


def collect(
    wanted: darts.SearchRecipe,
    found: Run,
    networks: list[dict[str, Any]],
) -> dict[str, Any]:
    """The record: settings, images, how the search went, and what each network is worth.

    The shares of an epoch are rows of 14 edges; an edge, in the order of `edges`, leads from a
    state to a node, and has a share for each of `operations`.
    """
    about = found.read("run.json")
    rows: list[dict[str, Any]] = found.read("history.json", list[Epoch])
    data, images = about["data"], about["recipe"]["images"] or about["data"]["training"]
    half = min(images, data["training"]) // 2
    return {
        "network": darts.RECIPE.network,
        "dataset": data["name"],
        "images": {
            **{split: data[split] for split in ("training", "validation", "test")},
            "search": {
                "weights": half,
                "alpha": half,
                "validation": min(half, data["validation"]),
            },
        },
        "classes": data["classes"],
        "settings": described(wanted),
        "operations": list(darts.NAMES),
        "edges": [[state, 2 + node] for node in range(darts.NODES) for state in range(2 + node)],
        "search": {
            **about["environment"],
            # It names the data set, not where that lay.
            "command": about["environment"]["command"].replace(
                about["recipe"]["data"], data["name"]
            ),
            "parameters": about["parameters"],
            "macs": about["macs"],
            "seconds": round(sum(row["seconds"] for row in rows), 1),
            "genotype": rows[-1]["genotype"],
            # With as many digits as can be seen.
            "history": json.loads(json.dumps(rows), parse_float=lambda text: round(float(text), 4)),
        },
        "comparison": {
            "random": {
                f"{split}_accuracy": record.spread(
                    [each[f"{split}_accuracy"]["mean"] for each in networks[1:]]
                )
                for split in ("validation", "test")
            },
            "networks": networks,
        },
    }


def _is_recorded(path: Path, settings: dict[str, Any], seeds: int, replacing: bool) -> bool:
    """Whether the record has these settings and seeds; `UserError` if it would be lost."""
    if replacing or not path.is_file():
        return False
    shape = {"settings": dict, "comparison": {"networks": [{"runs": list}]}}
    there = files.read_json(path, shape)
    if there["settings"] != settings:
        record.refuse(f"{machine.shown(path)} is of other settings")
    return seeds <= min(len(each["runs"]) for each in there["comparison"]["networks"])


def _common_words(recipe: darts.DARTSRecipe, options: lab.Options) -> list[str]:
    """The command line of a training to be compared, but for its genotype and seed."""
    plain = darts.OPTIONS.as_dict()  # whose layout is not that of the other lessons
    changes = {
        key: value
        for key, value in replace(recipe, **BRIEFLY).as_dict().items()
        if key not in ("network", "genotype", "seed") and value != getattr(darts.RECIPE, key)
    }
    given = options.as_dict()
    changes |= {key: given[key] for key in lab.Options().as_dict() if given[key] != plain[key]}
    words = []
    for name, value in changes.items():
        if isinstance(value, bool):
            words.append(flag(name) if value else flag(f"no_{name}"))
        else:
            words += [flag(name), str(value)]
    return words


def _outcome(runs: Sequence[Run]) -> dict[str, Any]:
    """What a record keeps of the trainings of one network."""
    whole = record.summarize(runs)
    rows = [
        {key: value for key, value in row.items() if key not in ("history", "confusion")}
        for row in whole["runs"]
    ]
    kept = ("parameters", "macs", "validation_accuracy", "test_accuracy")
    return {**{key: value for key, value in whole.items() if key in kept}, "runs": rows}
