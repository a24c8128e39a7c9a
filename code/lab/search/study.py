"""Search with Optuna: a study in a storage, on which any number of processes work.

The study knows what was tried; a process that works on it needs no other. It may stop, be killed,
or start on another machine at any time. Optuna's own signs of life are for databases alone; those
here work in every storage, and clocks that differ from machine to machine do not matter.
"""

import hashlib
import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any

import ignite.distributed as idist
import torch
from torch import nn

from .. import files, machine
from ..data import Data
from ..errors import Diverged, Stopped, UserError
from ..measure import count_macs, count_parameters
from ..recipe import Options, Recipe, recorded_recipe
from ..runs import Run
from ..training import fit

try:
    import optuna
    from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
    from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler
    from optuna.storages import BaseStorage, JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial, TrialState
    from sqlalchemy.exc import (
        IntegrityError,
        OperationalError,
        ProgrammingError,
        SQLAlchemyError,
    )
except ImportError:
    raise UserError("a search needs a package: pip install 'optuna>=4.9'") from None

WAIT = 60  # seconds that a process waits for others to let it write to an SQLite file
TRIES = 6  # to make the tables of a database, or to find them made
MISSED = 4  # signs of life; a worker that misses so many is taken for dead


def name_of(recipe: Recipe, settings: dict[str, Any]) -> str:
    """The name of a study: another one wherever the recipe of its networks or a setting differs.

    Where the images lie makes no difference: on another machine that may be another folder.
    """
    decisive = {"recipe": recorded_recipe(recipe.as_dict()), "seed": recipe.seed, **settings}
    digest = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
    return f"{recipe.network}-{digest[:12]}"


def default_storage(out: str, network: str) -> str:
    """An SQLite file beside the runs of a network, as a URL; its folder is made if need be."""
    folder = Path(out or machine.home() / "runs", network)
    files.make_folder(folder)
    return f"sqlite:///{(folder / 'search.db').absolute().as_posix()}"


class Seeded(BaseSampler):
    """Another sampler, made anew for each trial with a seed that is the trial's own.

    A sampler with one seed for all trials would draw the same networks again in every process
    that joins, and in every one that goes on after a stop.

    Args:
        make: makes the sampler from a seed.
        seed: of the whole search.
    """

    def __init__(self, make: Callable[[int], BaseSampler], seed: int) -> None:
        self.make = make
        self.seed = seed
        self.sampler = make(seed)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        digest = hashlib.sha256(f"{self.seed} {trial.number}".encode()).digest()
        self.sampler = self.make(int.from_bytes(digest[:4], "big"))
        self.sampler.before_trial(study, trial)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, Any]:
        return self.sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, Any]
    ) -> dict[str, Any]:
        return self.sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Any
    ) -> Any:
        return self.sampler.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Any) -> None:
        self.sampler.after_trial(study, trial, state, values)


def sampler(name: str, population: int, seed: int) -> Seeded:
    """What draws the networks of a study: "nsga2" in generations of so many, or "random"."""
    if name == "random":
        return Seeded(lambda own: RandomSampler(seed=own), seed)
    return Seeded(lambda own: NSGAIISampler(population_size=population, seed=own), seed)


def open_study(storage: str, name: str, sampler: BaseSampler) -> Study:
    """Open the study `name` with two objectives to minimize, or make it.

    Args:
        storage: a database as a URL, such as `sqlite:///search.db` or `postgresql://...`, or a
            file whose name ends in `.log`. SQLite is for the processes of one machine: its locks
            do not hold on most network file systems. A `.log` file (Optuna's journal) may lie on
            one.
        name: of the study.
        sampler: draws the trials.

    Raises:
        UserError: a storage that cannot be used, or processes that torchrun has tied together.
    """
    if idist.get_world_size() > 1:
        raise UserError("a search takes no torchrun: start its command once for each worker")
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)  # errors are shown once, by us
    for left in reversed(range(TRIES)):
        try:
            return optuna.create_study(
                storage=_storage(storage),
                sampler=sampler,
                study_name=name,
                directions=["minimize", "minimize"],
                load_if_exists=True,
            )
        except (ImportError, OSError, RuntimeError, ValueError, SQLAlchemyError) as error:
            # Of workers that start at once, one makes the tables; the others find them half made.
            if left and isinstance(error, IntegrityError | OperationalError | ProgrammingError):
                time.sleep(random.uniform(0.2, 0.6))
                continue
            reason = str(error).strip().partition("\n")[0]
            raise UserError(
                f"--storage cannot be used ({reason}): it takes the URL of a database, such as "
                "sqlite:///search.db, or a file that ends in .log"
            ) from None
    raise AssertionError("the last try returns or raises")


def _storage(storage: str) -> BaseStorage:
    if "://" not in storage and storage.endswith(".log"):
        return JournalStorage(JournalFileBackend(storage))
    waiting = {"connect_args": {"timeout": WAIT}} if storage.startswith("sqlite") else {}
    return RDBStorage(storage, engine_kwargs=waiting)


@contextmanager
def _signs_of_life(trial: Trial, heartbeat: float) -> Iterator[None]:
    """Count on in the storage, every so many seconds, while this trial is made."""
    over = Event()

    def beat() -> None:
        for sign in count():
            try:
                trial.set_user_attr("alive", sign)
            except UpdateFinishedTrialError:
                return  # another worker took this one for dead
            except (OSError, StorageInternalError):
                pass  # the storage is out of reach for now
            if over.wait(heartbeat):
                return

    thread = Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class Watch:
    """Sees whose worker gives no sign of life any more, by this machine's clock alone.

    Args:
        patience: seconds that a trial may stay the same, from when it was first seen so.
    """

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self.seen: dict[int, tuple[int | None, float]] = {}

    def look(self, study: Study) -> None:
        """Give up the trials of the dead, and let the next free worker make them again."""
        now = time.monotonic()
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            sign = trial.user_attrs.get("alive")
            before, since = self.seen.get(trial.number, (sign, now))
            self.seen[trial.number] = (sign, since if sign == before else now)
            if sign != before or now - since <= self.patience:
                continue
            # Suppressed: another worker was faster.
            with suppress(UpdateFinishedTrialError, ValueError):
                study.tell(trial.number, state=TrialState.FAIL)
                _again(study, trial)


def _again(study: Study, trial: FrozenTrial | Trial) -> None:
    """Let the next free worker make this trial, whose own one did not get to its end."""
    study.enqueue_trial(trial.params)


def finished(study: Study) -> list[FrozenTrial]:
    """The trials with a result, of all workers, in the order in which they were begun."""
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def find_twin(study: Study, trial: Trial, network: str) -> FrozenTrial | None:
    """An earlier trial of the same network that has a result, if there is one.

    If another worker is training it this very moment, this trial is given up (Optuna's state
    PRUNED) and another one drawn in its place: it would teach nothing new. Only of two workers that
    draw it in the very same instant each may train it.

    Args:
        study: with the trials of all workers.
        trial: under way.
        network: the canonical form of its network, which others will be compared with.
    """
    trial.set_user_attr("network", network)
    states = (TrialState.COMPLETE, TrialState.RUNNING)
    twins = [
        other
        for other in study.get_trials(deepcopy=False, states=states)
        if other.user_attrs.get("network") == network and other.number != trial.number
    ]
    for twin in twins:
        if twin.state is TrialState.COMPLETE and "found" in twin.user_attrs:
            return twin
    if any(twin.number < trial.number for twin in twins):
        raise optuna.TrialPruned
    return None


def work(
    study: Study, objective: Callable[[Trial], tuple[float, float]], trials: int, heartbeat: float
) -> None:
    """Make trials until all workers together have finished so many; print a line for each.

    Args:
        study: to work on.
        objective: makes one trial.
        trials: how many are to be finished; each further worker may add one on top.
        heartbeat: seconds between two signs of life of this worker. The trial of one that misses
            `MISSED` of them is made again by another worker.

    Raises:
        Stopped: the user pressed Ctrl-C. The trial under way is left to the next worker.
    """
    watch = Watch(MISSED * heartbeat)
    print(
        f"study {study.study_name}: {len(finished(study))} of {trials} trials are done", flush=True
    )
    try:
        while len(finished(study)) < trials:
            watch.look(study)
            # Suppressed: this machine slept and was taken for dead; another one makes the trial.
            with suppress(UpdateFinishedTrialError):
                trial = _attempt(study, objective, heartbeat)
                if trial.state is TrialState.COMPLETE:
                    print(_line(trial, len(finished(study)), trials), flush=True)
    except KeyboardInterrupt:
        raise Stopped("stopped; the same command goes on") from None


def _attempt(
    study: Study, objective: Callable[[Trial], tuple[float, float]], heartbeat: float
) -> FrozenTrial:
    """Make one trial. After Ctrl-C the next free worker makes it again."""
    trial = study.ask()
    values: tuple[float, float] | None = None
    state = TrialState.FAIL
    try:
        with _signs_of_life(trial, heartbeat):
            values = objective(trial)
        state = TrialState.COMPLETE
    except optuna.TrialPruned:
        state = TrialState.PRUNED
    except KeyboardInterrupt:
        _again(study, trial)
        raise
    finally:
        told = study.tell(trial, values, state, skip_if_finished=True)
    return told


def _line(trial: FrozenTrial, done: int, trials: int) -> str:
    found = trial.user_attrs.get("found")
    cost = f"{found['seconds']:4.0f} s" if found else "a network trained before"
    return (
        f"{done:{len(str(trials))}}/{trials}   {trial.user_attrs['genome']}"
        f"   error {trial.values[0]:6.2%}   {trial.values[1] / 1e6:6.2f} M MACs   {cost}"
    )


def train_briefly(
    build: Callable[[Any, int], nn.Module], recipe: Recipe, data: Data, options: Options
) -> dict[str, Any]:
    """Train a network as its recipe says, and measure it on the validation images.

    Nothing of the training is kept, and no test image is looked at.

    Returns:
        error: the share of validation images that the best epoch gets wrong; all of them if the
        loss diverges. macs and parameters of the network, seconds of training, and environment:
        what the numbers depend on besides.
    """
    torch.manual_seed(recipe.seed)
    model = build(recipe, len(data.classes))
    device = machine.pick_device(options.device)
    environment: dict[str, Any] = {**machine.environment(device, options)}
    del environment["command"]  # it may hold the password of a database
    found = {
        "error": 1.0,
        "macs": count_macs(model, (1, *data.train.images.shape[1:])),
        "parameters": count_parameters(model),
        "environment": environment | {"optuna": optuna.__version__},
    }
    plain = replace(options, resume="", tensorboard=False, compile=False)
    started = time.perf_counter()
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder, redirect_stdout(None):
        run = Run.create(folder, recipe)
        with suppress(Diverged):
            fit(model, data, recipe, plain, device, run)
            best = max(row["validation_accuracy"] for row in run.read("history.json"))
            found["error"] = round(1 - best, 6)
    return found | {"seconds": round(time.perf_counter() - started, 2)}


def rows(study: Study, population: int) -> list[dict[str, Any]]:
    """The finished trials of a study.

    Args:
        study: of trials made with `find_twin` and `train_briefly`.
        population: trials in a generation, where the sampler knows of none itself.

    Returns:
        for each trial its number, generation, genome, error (a fraction of one), macs, parameters,
        seconds, and same_as: the number of the trial of the same network whose results it took
        over in no time, or None.
    """
    trials = finished(study)
    found = {each.number: each.user_attrs["found"] for each in trials if "found" in each.user_attrs}
    made = []
    for place, trial in enumerate(trials):
        same_as = trial.user_attrs.get("same_as")
        mine = found[trial.number if same_as is None else same_as]
        made.append(
            {
                "number": trial.number,
                "generation": place // population,
                "genome": trial.user_attrs["genome"],
                **{key: mine[key] for key in ("error", "macs", "parameters")},
                "seconds": mine["seconds"] if same_as is None else 0.0,
                "same_as": same_as,
            }
        )
    return made
