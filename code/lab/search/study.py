"""Search with Optuna: a study in a database, on which any number of processes work.

The study knows what was tried; a process that works on it needs no other. It may stop, be killed,
or start on another machine at any time: Optuna's heartbeat tells the others, by the database's
clock alone. A database that goes away for a while is waited for, which Optuna does not do.
"""

import hashlib
import json
import random
import time
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import current_thread, main_thread
from typing import Any

import ignite.distributed as idist
import torch
from torch import nn

from .. import files, machine
from ..data import Data
from ..errors import Diverged, Stopped, UserError, first_line
from ..measure import count_macs, count_parameters
from ..precision import settle
from ..recipe import Options, Recipe, recorded_recipe
from ..runs import Run
from ..training import fit

try:
    import optuna
    from optuna import exceptions
    from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler
    from optuna.storages import RDBStorage
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial, TrialState
    from sqlalchemy import Engine, event, exc
except ImportError:
    raise UserError("a search needs a package: pip install 'optuna>=4.9'") from None

warnings.simplefilter("ignore", exceptions.ExperimentalWarning)  # its heartbeat

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
    """Before a sampler's class: made anew for each trial with a seed that is the trial's own.

    A sampler with one seed for all trials would draw the same networks again in every process
    that joins, and in every one that goes on after a stop.
    """

    def __init__(self, seed: int, **settings: Any) -> None:
        self.seed, self.settings = seed, settings
        super().__init__(seed=seed, **settings)  # type: ignore[call-arg]

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        digest = hashlib.sha256(f"{self.seed} {trial.number}".encode()).digest()
        own = int.from_bytes(digest[:4], "big")
        super().__init__(seed=own, **self.settings)  # type: ignore[call-arg]
        super().before_trial(study, trial)


class SeededRandom(Seeded, RandomSampler):
    pass


class SeededNSGAII(Seeded, NSGAIISampler):
    pass


def sampler(name: str, population: int, seed: int) -> BaseSampler:
    """What draws the networks of a study: "nsga2" in generations of so many, or "random"."""
    if name == "random":
        return SeededRandom(seed)
    return SeededNSGAII(seed, population_size=population)


def open_study(storage: str, name: str, sampler: BaseSampler, heartbeat: int) -> Study:
    """Open the study `name` with two objectives to minimize, or make it.

    Args:
        storage: a database as a URL, such as `sqlite:///search.db` or `postgresql://...`. SQLite
            is for one machine: its locks do not hold on most network file systems.
        heartbeat: seconds between two signs of life of a worker. The trial of one that misses
            `MISSED` of them is made again by another worker.

    Raises `UserError`: a storage that cannot be used, or processes that torchrun has tied together.
    """
    if idist.get_world_size() > 1:
        raise UserError("a search takes no torchrun: start its command once for each worker")
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)  # errors are shown once, by us
    scheme, mark, rest = storage.partition("://")
    postgres = scheme in ("postgres", "postgresql", "postgresql+psycopg")
    url = f"postgresql+psycopg{mark}{rest}" if postgres else storage
    for left in reversed(range(TRIES)):
        try:
            database = Database(url, heartbeat)
            study = optuna.create_study(
                storage=database,
                sampler=sampler,
                study_name=name,
                directions=["minimize", "minimize"],
                load_if_exists=True,
            )
        except (ImportError, OSError, RuntimeError, ValueError, exc.SQLAlchemyError) as error:
            # Of workers that start at once, one makes the tables; the others find them half made.
            if left and isinstance(error, exc.DatabaseError):
                time.sleep(random.uniform(0.2, 0.6))
                continue
            reason = first_line(error)
            if isinstance(error, ImportError):
                missing = "pip install 'psycopg[binary]'" if postgres else error.__cause__ or error
                reason = f"it needs its driver: {missing}"
            raise UserError(
                f"--storage cannot be used ({reason}): it takes the URL of a database, such as "
                "sqlite:///search.db or postgresql://user@host/name"
            ) from None
        if not url.startswith("sqlite"):
            _wait_for(database.engine, heartbeat)
        return study
    raise AssertionError("the last try returns or raises")


class Database(RDBStorage):
    """Optuna's, whose signs of life go on after one that did not reach it."""

    def __init__(self, url: str, heartbeat: int) -> None:
        sqlite: dict[str, Any] = {"connect_args": {"timeout": WAIT}}
        super().__init__(
            url,
            engine_kwargs=sqlite if url.startswith("sqlite") else {"pool_pre_ping": True},
            heartbeat_interval=heartbeat,
            grace_period=MISSED * heartbeat,
            heartbeat_stale_trial_callback=lambda study, _: _take_up(study),
        )

    def record_heartbeat(self, trial_id: int) -> None:
        with suppress(exc.SQLAlchemyError, exceptions.StorageInternalError):
            super().record_heartbeat(trial_id)


def _wait_for(engine: Engine, heartbeat: int) -> None:
    """From now on, wait for a database that is out of reach, and say once what for."""

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, _record: Any, args: Any, settings: Any) -> Any:
        waited = False
        while current_thread() is main_thread():  # a sign of life is given again by itself
            try:
                connection = dialect.connect(*args, **settings)
                time.sleep(heartbeat if waited else 0)  # the others give their signs of life
                return connection
            except dialect.loaded_dbapi.OperationalError as error:
                if not waited:
                    print(f"waiting for the database: {first_line(error)}", flush=True)
                waited = True
                time.sleep(1)
            except KeyboardInterrupt:
                event.remove(engine, "do_connect", connect)
                raise
        return None  # SQLAlchemy connects as it does by itself


def finished(study: Study) -> list[FrozenTrial]:
    """The trials with a result, of all workers, in the order in which they were begun."""
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def find_twin(study: Study, trial: Trial, network: str) -> FrozenTrial | None:
    """An earlier trial of the same network that has a result, if there is one.

    If another worker is training it this very moment, this trial is given up (Optuna's state
    PRUNED) and another one drawn in its place: it would teach nothing new. Only of two workers that
    draw it in the very same instant each may train it. `network` is its canonical form.
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


def _take_up(study: Study) -> None:
    """Let each trial that came to no end be made again.

    Optuna's own callback forgets those whose worker is killed while it looks after another's, or
    before its first sign of life. If two workers look at once, `find_twin` sorts it out.
    """
    trials = study.get_trials(deepcopy=False)
    again = {
        trial.user_attrs.get("again")
        for trial in trials
        if trial.state is not TrialState.RUNNING or "network" in trial.user_attrs
    }
    for trial in trials:
        if trial.state is TrialState.FAIL and trial.number not in again:
            # One that was made again itself may have been killed before it drew anything.
            params = trial.params | trial.system_attrs.get("fixed_params", {})
            if params:
                study.enqueue_trial(params, user_attrs={"again": trial.number})


class _Lost(BaseException):
    """A trial that another worker will make. No Exception, of which Optuna would tell the study."""


def work(study: Study, objective: Callable[[Trial], tuple[float, float]], trials: int) -> None:
    """Make trials until all workers together have finished so many; print a line for each.

    Each further worker may add one on top. Raises `Stopped` after Ctrl-C, which leaves the trial
    under way to the next worker, and `UserError` if the database fails.
    """

    def attempt(trial: Trial) -> tuple[float, float]:
        try:
            return objective(trial)
        except (exceptions.UpdateFinishedTrialError, exceptions.StorageInternalError):
            # This machine slept and was taken for dead, or the database went away meanwhile.
            raise _Lost from None

    def report(study: Study, trial: FrozenTrial) -> None:
        if trial.state is TrialState.COMPLETE:
            print(_line(trial, len(finished(study)), trials), flush=True)

    done = len(finished(study))
    print(f"study {study.study_name}: {done} of {trials} trials are done", flush=True)
    try:
        while len(finished(study)) < trials:
            _take_up(study)
            with suppress(_Lost):
                study.optimize(attempt, n_trials=1, callbacks=[report])
    except exceptions.StorageInternalError as error:
        raise UserError(f"the database failed: {first_line(error.__cause__ or error)}") from None
    except BaseException as error:
        # If Ctrl-C comes while Optuna notes a result, it raises an error of its own.
        if KeyboardInterrupt not in map(type, (error, error.__context__)):
            raise
        with suppress(exceptions.StorageInternalError):  # the database may be what was waited for
            _take_up(study)
        raise Stopped("stopped; the same command goes on") from None


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

    Returns the error: the share of validation images that the best epoch gets wrong, all of them if
    the loss diverges; macs, parameters, seconds, and what the numbers depend on besides.
    """
    torch.manual_seed(recipe.seed)
    model = build(recipe, len(data.classes))
    device, shape = machine.pick_device(options.device), data.train.images.shape[1:]
    options = settle(options, model, device, shape)
    environment: dict[str, Any] = {**machine.environment(device, options)}
    del environment["command"]  # it may hold the password of a database
    found = {
        "error": 1.0,
        "macs": count_macs(model, (1, *shape)),
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
    """The finished trials of a study, made with `find_twin` and `train_briefly`.

    Returns, for each, its number, generation, genome, error (a fraction of one), macs, parameters,
    seconds, and same_as: the number of the trial of the same network whose results it took over in
    no time, or None.
    """
    trials = finished(study)
    found = {each.number: each.user_attrs["found"] for each in trials if "found" in each.user_attrs}
    made = []
    for place, trial in enumerate(trials):
        same_as = trial.user_attrs.get("same_as")
        mine = found[trial.number if same_as is None else same_as]
        row = {
            "number": trial.number,
            "generation": place // population,
            "genome": trial.user_attrs["genome"],
            **{key: mine[key] for key in ("error", "macs", "parameters")},
            "seconds": mine["seconds"] if same_as is None else 0.0,
            "same_as": same_as,
        }
        made.append(row)
    return made
