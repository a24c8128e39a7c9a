"""Every recorded search is one of the lesson as it is now, and holds together."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import darts
import lab
import nsganet
from course import darts_search, figures
from course import nsganet_search as searches
from course.nsganet_search import hypervolume
from course.own import drawings
from lab import machine, training
from lab.search.pareto import knee, pareto_front

pytestmark = pytest.mark.needs("darts", "nsganet")

RECORD: dict[str, Any] = json.loads((searches.SEARCHES / "nsganet.json").read_text())
SAMPLERS = list(RECORD["searches"])
OF_SEEDS = {0: RECORD["searches"], **{each["seed"]: each["searches"] for each in RECORD["repeats"]}}
each_search = pytest.mark.parametrize(
    "search",
    [found[sampler] for found in OF_SEEDS.values() for sampler in SAMPLERS],
    ids=[f"{sampler}-{seed}" for seed in OF_SEEDS for sampler in SAMPLERS],
)


def test_the_record_is_of_the_settings_of_the_lesson() -> None:
    recipe = nsganet.replace(nsganet.SEARCH, data=RECORD["dataset"])
    assert RECORD["settings"] == searches.described(recipe, nsganet.SearchOptions())
    assert list(searches.SAMPLERS) == SAMPLERS


def test_the_lesson_trains_the_knee_of_the_recorded_search() -> None:
    evolved = RECORD["searches"]["nsga2"]
    assert nsganet.RECIPE.genome == evolved["trials"][evolved["knee"]]["genome"]


@each_search
def test_a_recorded_search_says_where_its_numbers_come_from(search: dict[str, Any]) -> None:
    for each in search["environments"]:
        assert each["commit"]
        assert not each["commit"].endswith("-dirty")
        assert all(each[key] for key in ("device", "precision", "torch", "ignite", "optuna"))


@each_search
def test_every_trial_is_one_of_its_network(search: dict[str, Any]) -> None:
    """Counted again from its genome; and no network was trained twice."""
    trials, settings = search["trials"], RECORD["settings"]
    assert len(trials) == settings["population"] * settings["generations"]
    numbers = [trial["number"] for trial in trials]
    assert numbers == sorted(set(numbers))
    by = {trial["number"]: trial for trial in trials}
    for place, trial in enumerate(trials):
        assert trial["generation"] == place // settings["population"]
        genome = nsganet.decode(trial["genome"])
        assert len(genome) == settings["phases"]
        assert {len(phase) for phase in genome} == {searches.bits(settings["nodes"])}
        width, classes = settings["recipe"]["width"], len(RECORD["classes"])
        model = nsganet.NSGANet(trial["genome"], width, classes)
        assert trial["macs"] == lab.count_macs(model, (1, 3, 32, 32)) <= RECORD["largest"]["macs"]
        assert trial["parameters"] == lab.count_parameters(model)
        assert 0 < trial["error"] < 1
        if trial["same_as"] is not None:
            first = by[trial["same_as"]]
            assert (first["error"], first["same_as"]) == (trial["error"], None)
    trained = [nsganet.canonical(each["genome"]) for each in trials if each["same_as"] is None]
    assert len(trained) == len(set(trained)) == search["trained"]
    assert {nsganet.canonical(each["genome"]) for each in trials} == set(trained)


@each_search
def test_what_a_search_says_of_its_trials_follows_from_them(search: dict[str, Any]) -> None:
    population = RECORD["settings"]["population"]
    points = [(trial["error"], trial["macs"]) for trial in search["trials"]]
    assert search["front"] == pareto_front(points)
    assert search["knee"] == knee(points)
    reference = (1.0, RECORD["largest"]["macs"])
    assert search["hypervolume"] == [
        pytest.approx(hypervolume(points[: population * count], reference), abs=1e-4)
        for count in range(1, RECORD["settings"]["generations"] + 1)
    ]
    seconds = sum(each["seconds"] for each in search["trials"])
    assert search["seconds"] == pytest.approx(seconds, abs=0.051)  # it is rounded to a tenth


def test_both_searches_of_a_seed_begin_with_the_same_networks() -> None:
    for found in OF_SEEDS.values():
        first = [
            [trial["genome"] for trial in each["trials"][: RECORD["settings"]["population"]]]
            for each in found.values()
        ]
        assert first[0] == first[1]


def test_what_is_said_over_seeds_follows_from_the_searches() -> None:
    assert RECORD["over_seeds"] == searches.over_seeds(list(OF_SEEDS.values()))
    assert all(each["hypervolume"]["n"] == len(OF_SEEDS) for each in RECORD["over_seeds"].values())


def test_the_search_improves_on_its_own_start() -> None:
    volumes = RECORD["searches"]["nsga2"]["hypervolume"]
    assert volumes == sorted(volumes)
    assert volumes[-1] > volumes[0] + 0.01


def to_try(lesson: ModuleType) -> list[str]:
    """The searches in the last section of a lesson."""
    section = Path(lesson.__file__ or "").read_text().split("# ## To try")[-1].replace("\n#", "\n")
    return [" ".join(each.split()) for each in re.findall(r"`(search [^`]+)`", section)]


@pytest.mark.parametrize(
    ("lesson", "words"),
    [(lesson, words) for lesson in (darts, nsganet) for words in to_try(lesson)],
)
def test_what_a_lesson_tells_to_search_runs(
    lesson: ModuleType,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As it stands, but with fewer epochs and generations, and on a few drawn shapes."""
    tiny = f"--data shapes --limit 100 --epochs 1 --device cpu --precision fp32 --out {tmp_path}"
    if lesson is darts:
        tiny += " --cells 3 --channels 2 --images 16 --batch-size 8"
    else:
        tiny += " --population 2 --generations 1 --nodes 2 --images 50 --width 2"
    monkeypatch.setattr(training, "count_macs", lambda *_: 0)  # it takes longer than a step
    with pytest.raises(SystemExit) as ended:
        lab.main(lesson.LESSON, [*words.split(), *tiny.split()])
    assert not ended.value.code
    *lines, last = capsys.readouterr().out.splitlines()
    setting = "--genotype" if lesson is darts else "--genome"
    told, _, network = last.partition(f" {setting} ")
    assert told == f"train it: {machine.this_command()}"
    if lesson is darts:
        (folder,) = (tmp_path / "darts-search").iterdir()
        assert Path(network).samefile(folder)
    else:
        assert [line.split()[-1] for line in lines if line.startswith("knee")] == [network]
        nsganet.build(nsganet.replace(nsganet.RECIPE, genome=network), 10)


@pytest.mark.parametrize("text", ["[]", "", '{"settings": ', "{}", "null"])
@pytest.mark.parametrize("network", ["nsganet", "darts"])
def test_a_damaged_record_of_a_search_is_one_line(
    network: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searches, "SEARCHES", tmp_path)
    monkeypatch.setattr(drawings, "SEARCHES", tmp_path)
    (tmp_path / f"{network}.json").write_text(text)

    def make(words: list[str]) -> None:
        if network == "darts":
            darts_search.make(words, 1, False, pytest.fail, pytest.fail)  # type: ignore[arg-type]
        searches.make(words, 1, False, pytest.fail)  # type: ignore[arg-type]

    readers = [partial(make, ["--data", "shapes"])]
    if network == "darts":
        readers.append(partial(figures.svg, "darts"))
    for read in readers:
        with pytest.raises(lab.UserError, match=rf"cannot (read|use) .*{network}\.json: ") as error:
            read()
        assert "\n" not in str(error.value)
