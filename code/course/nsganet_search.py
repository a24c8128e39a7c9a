"""The searches that the slides show: how they are made, and what is recorded of them.

A record, `static/searches/NAME.json`, holds the same search with each of several samplers: all
trials, the front of the best ones, and how much of what is possible the front covers after each
generation (its hypervolume). Searches with other seeds stand beside it, and say what is chance.
`code/course/results.py` makes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import lab
import nsganet
from lab import cli, files, machine
from lab.recipe import recorded_recipe
from lab.search.pareto import Point, knee, pareto_front

from . import record

SEARCHES = Path(__file__).resolve().parents[2] / "static" / "searches"
SAMPLERS = ("nsga2", "random")


def make(
    settings: Sequence[str],
    seeds: int,
    replacing: bool,
    run: Callable[[list[str]], None],
    finish: object = None,
) -> None:
    """Search with each sampler and write the record; what is there already stays as it is.

    Args:
        settings: for the lesson.
        seeds: each sampler searches with 0 to seeds - 1.
        replacing: whether a record of other settings may be written over.
        run: runs a script of the project with arguments, to its end.
        finish: not needed, since what is found is trained as it is searched.

    Raises:
        UserError: settings that are none, or a record that would be lost.
    """
    words = list(settings)
    recipe, options = cli.command_line(
        nsganet.SEARCH, "", words, options=nsganet.SearchOptions(), hidden=("genome",)
    )
    if options.smoke or "--sampler" in words:
        raise lab.UserError("leave out --smoke and --sampler: each sampler has its turn")
    if recipe.seed != nsganet.SEARCH.seed:
        raise lab.UserError("leave out --seed: --seeds says how many")
    path = SEARCHES / f"{recipe.network}.json"
    made: dict[str, Any] = {}
    if path.is_file() and not replacing:
        made = files.read_json(path, {"settings": dict, "searches": dict, "repeats": list})
        if made["settings"] != described(recipe, options):
            record.refuse(f"{machine.shown(path)} is of other settings")
        if len(made["repeats"]) >= seeds - 1:
            print(f"{machine.shown(path)}: recorded already", flush=True)
            return
    for seed in range(len(made["repeats"]) + 1 if made else 0, seeds):
        own = [*words, *(["--seed", str(seed)] if seed else [])]
        for sampler in SAMPLERS:
            run([machine.shown(Path(nsganet.__file__)), "search", *own, "--sampler", sampler])
        found = searches(replace(recipe, seed=seed), options)
        if seed:
            made["repeats"].append({"seed": seed, "searches": found})
        else:
            made = collect(recipe, options, found)
    others = [each["searches"] for each in made["repeats"]]
    made["over_seeds"] = over_seeds([made["searches"], *others])
    print(f"{machine.shown(record.save(made, path))}: the search is recorded")


def over_seeds(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean and standard deviation of the last hypervolume and the least error of each sampler."""
    return {
        sampler: {
            "hypervolume": record.spread([each[sampler]["hypervolume"][-1] for each in found]),
            "least_error": record.spread(
                [min(trial["error"] for trial in each[sampler]["trials"]) for each in found]
            ),
        }
        for sampler in SAMPLERS
    }


def described(recipe: nsganet.NSGANetRecipe, options: nsganet.SearchOptions) -> dict[str, Any]:
    """The settings of a search, as its record has them."""
    small = recorded_recipe(recipe.as_dict())
    del small["genome"]
    return {
        "seed": recipe.seed,
        **{name: getattr(options, name) for name in ("population", "generations", "nodes")},
        "search_images": options.images,
        "phases": nsganet.PHASES,
        "recipe": small,
    }


def largest(recipe: nsganet.NSGANetRecipe, options: nsganet.SearchOptions) -> dict[str, Any]:
    """The network with every connection, and its multiply-accumulates."""
    genome = ".".join([nsganet.encode([[1] * bits(options.nodes)])] * nsganet.PHASES)
    classes = len(lab.load(recipe.data, limit=recipe.limit or None).classes)
    model = nsganet.NSGANet(genome, recipe.width, classes)
    return {"genome": genome, "macs": lab.count_macs(model, (1, 3, 32, 32))}


def searches(recipe: nsganet.NSGANetRecipe, options: nsganet.SearchOptions) -> dict[str, Any]:
    """What each sampler found with the seed of a recipe."""
    reference = (1.0, float(largest(recipe, options)["macs"]))
    return {
        sampler: summarize(recipe, replace(options, sampler=sampler), reference)
        for sampler in SAMPLERS
    }


def collect(
    recipe: nsganet.NSGANetRecipe, options: nsganet.SearchOptions, found: dict[str, Any]
) -> dict[str, Any]:
    """The record of finished searches: settings, images, and what each sampler found."""
    data = lab.load(recipe.data, limit=recipe.limit or None)
    return {
        "network": recipe.network,
        "dataset": data.name,
        "images": {
            "training": min(options.images, len(data.train)),
            "validation": len(data.validation),
        },
        "classes": list(data.classes),
        "settings": described(recipe, options),
        "largest": largest(recipe, options),
        "searches": found,
        "repeats": [],
    }


def bits(nodes: int) -> int:
    """How many bits a phase of so many nodes has."""
    return nodes * (nodes - 1) // 2 + 1


def summarize(
    recipe: nsganet.NSGANetRecipe, options: nsganet.SearchOptions, reference: tuple[float, float]
) -> dict[str, Any]:
    """What one sampler found.

    Returns:
        trials; front, the places in it of those that no other dominates; knee, the place of one of
        them; hypervolume after each generation, as a share of the rectangle up to `reference`;
        how many were trained, in how many seconds; and where.
    """
    from lab.search import study as studies

    study = nsganet.open_search(recipe, options)
    total = options.population * options.generations
    trials = studies.rows(study, options.population)[:total]
    if len(trials) < total:
        raise lab.UserError(f"the search has {len(trials)} of {total} trials: go on with it first")
    points = [(trial["error"], trial["macs"]) for trial in trials]
    volumes = [
        hypervolume(points[: options.population * generation], reference)
        for generation in range(1, options.generations + 1)
    ]
    environments: list[dict[str, Any]] = []  # once for each kind of worker
    for trial in studies.finished(study):
        found = trial.user_attrs.get("found")
        if found and found["environment"] not in environments:
            environments.append(found["environment"])
    return {
        "environments": environments,
        "seconds": round(sum(trial["seconds"] for trial in trials), 1),
        "trained": sum(trial["same_as"] is None for trial in trials),
        "hypervolume": [round(volume, 4) for volume in volumes],
        "knee": knee(points),
        "front": pareto_front(points),
        "trials": trials,
    }


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """The area that the points dominate, as a share of the rectangle from zero to `reference`.

    Larger is better, and no point can make it smaller: Zitzler and Thiele's measure of a set, 1999.
    Points beyond the reference dominate nothing.
    """
    inside = [point for point in points if point[0] < reference[0] and point[1] < reference[1]]
    area, ceiling = 0.0, reference[1]
    for index in pareto_front(inside):
        first, second = inside[index]
        area += (reference[0] - first) * (ceiling - second)
        ceiling = second
    return area / (reference[0] * reference[1])
