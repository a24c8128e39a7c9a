"""The commands of docs/scale.md are such as the lessons know, and run: small, and on a CPU."""

from __future__ import annotations

import importlib
import io
import os
import re
import runpy
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from pathlib import Path

import pytest

from conftest import ROOT
from course.serving import free_port
from forking import forked, python
from hosts import ADDRESSES, START, Host, two_hosts, write
from lab import cli, data
from lab.runs import Run
from running import assert_equal_weights, environment, weights

pytestmark = pytest.mark.needs("nsganet", "resnet", "vgg16")

PAGE = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()
]
SEARCHES = [line for line in COMMANDS if ".py search" in line]
ALONE = [
    line
    for line in COMMANDS
    if line.startswith("python code/") and ".py resume" not in line and line not in SEARCHES
]
ONE_MACHINE = [line for line in COMMANDS if "--standalone" in line]
SEVERAL = [line for line in COMMANDS if "--nnodes" in line]
# What makes ResNet small. A setting that is given twice has its last value.
SMALL = "--depth 8 --data shapes --limit 200 --epochs 1 --no-progress"
SMALL_SEARCH = (
    "--data shapes --limit 200 --population 2 --generations 2 --nodes 2 "
    "--width 2 --epochs 1 --images 60"
)
RUN = "runs/lenet/20261123-141500-0"


def small(line: str, port: int = 0, settings: str = SMALL, address: str = "127.0.0.1") -> list[str]:
    """A command of the page with few images, one process a machine, and no GPU."""
    changes = {"nproc_per_node=4": "nproc_per_node=1", "--device cuda": "--device cpu"}
    changes |= {"192.0.2.1": address, "29500": str(port)}
    for old, new in changes.items():
        line = line.replace(old, new)
    program, *words = shlex.split(re.sub(r"^CUDA_VISIBLE_DEVICES=\d ", "", line))
    launcher = {"python": [], "torchrun": ["-m", "torch.distributed.run"]}[program]
    words = [str(ROOT / word) if word.startswith("code/") else word for word in words]
    return [sys.executable, *launcher, *words, *settings.split()]


def start(command: list[str], folder: Path) -> subprocess.Popen[str]:
    """Start it in a folder that then holds its runs."""
    return subprocess.Popen(
        forked([*command, "--out", "runs"]),
        cwd=folder,
        env=environment(
            CUDA_VISIBLE_DEVICES="", GLOO_SOCKET_IFNAME="lo", PYTHON_EXEC=python(str(folder))
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for its end; return what it printed."""
    printed, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return printed


def test_every_command_of_the_page_is_of_a_kind_that_is_run_here() -> None:
    known = [*ALONE, *ONE_MACHINE, *SEVERAL, *SEARCHES]
    others = [line for line in COMMANDS if line not in known]
    server, benchmark = "docker compose -f docs/compose.yml up -d", "python benchmarks/training.py"
    job, resumed = "sbatch docs/slurm.sh --depth 56", f"python code/lenet.py resume {RUN}"
    assert others == [job, server, resumed, benchmark]  # in words it says what was not run
    assert all((ROOT / name).exists() for name in ("benchmarks/training.py", "docs/compose.yml"))


@pytest.mark.parametrize("line", [line for line in COMMANDS if "code/" in line])
def test_a_lesson_knows_the_settings_of_a_command(line: str) -> None:
    name, words = re.findall(r"code/(\w+)\.py(.*)", line)[0]
    lesson, argv = importlib.import_module(name).LESSON, shlex.split(words)
    recipe, options, hidden = lesson.recipe, lesson.options, ()
    if argv and argv[0] in lesson.commands:
        command = lesson.commands[argv.pop(0)]
        recipe, options, hidden = command.recipe, command.options, command.hidden
    elif argv[:1] == ["resume"]:
        assert argv[1:] == [RUN]
        return
    cli._parser(recipe, options, "", hidden=hidden).parse_args(argv)  # raises UserError


def run(command: list[str], folder: Path) -> str:
    """Run a lesson's command in a folder, in this process; return what it printed."""
    _, script, *words = command
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as out:
        patch.setattr(sys, "argv", [script, *words, "--out", "runs"])
        patch.setattr(sys, "excepthook", sys.excepthook)  # put back afterwards
        patch.setattr(data, "SHAPES_DRAWN", 300)
        patch.chdir(folder)
        with suppress(SystemExit):
            runpy.run_path(script, run_name="__main__")
    return out.getvalue()


def test_a_command_for_one_machine_runs(tmp_path: Path) -> None:
    line = next(line for line in ALONE if "--device cuda" in line)
    assert "test accuracy" in run(small(line), tmp_path)


@pytest.mark.several
def test_the_commands_for_two_machines_train_one_network(tmp_path: Path) -> None:
    port = free_port()
    machines = []
    for rank, line in enumerate(SEVERAL):
        folder = tmp_path / str(rank)
        folder.mkdir()
        machines.append(start(small(line, port), folder))
    first, second = map(finish, machines)
    assert first.count("test accuracy") == 1
    assert "test accuracy" not in second
    assert list((tmp_path / "0" / "runs" / "resnet").iterdir())
    assert not (tmp_path / "1" / "runs").exists()


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Host]]:
    yield from two_hosts(tmp_path_factory.mktemp("hosts"))


def on_both(
    hosts: list[Host], folder: Path, settings: str, second: dict[str, str], **variables: str
) -> list[tuple[int, str, str]]:
    """Run the page's commands for two machines on two; return how each ended, and what it said."""
    started = []
    for host, line, own in zip(hosts, SEVERAL, ({}, second), strict=True):
        _, *words = small(line, settings=settings, address=ADDRESSES[0], port=29500)
        started.append(host.start([*words, "--no-progress"], folder, **variables, **own))
    said = [process.communicate(timeout=300) for process in started]
    return [(process.returncode, *said) for process, said in zip(started, said, strict=True)]


@pytest.mark.several
def test_a_training_on_two_machines_survives_the_death_of_a_worker(
    hosts: list[Host], tmp_path: Path
) -> None:
    """It is resumed as the line says, and ends with the weights of two processes on one machine."""
    settings = f"{SMALL} --epochs 3 --device cpu"
    ended = on_both(hosts, tmp_path, f"{settings} --out runs", {"DIES": "2"})
    assert all(code for code, _, _ in ended)
    (run,) = (tmp_path / "runs" / "resnet").iterdir()
    said = "".join(errors for _, _, errors in ended)
    assert re.findall(r"continue with: \S*python (.*)", said) == [
        f"{ROOT}/code/resnet.py resume runs/resnet/{run.name}, under torchrun as before"
    ]
    assert len(Run(run).read("history.json")) < 3
    ended = on_both(hosts, tmp_path, f"resume runs/resnet/{run.name}", {})
    assert [code for code, _, _ in ended] == [0, 0], ended
    (tmp_path / "alone").mkdir()
    alone = small(ONE_MACHINE[0].replace("=4", "=2"), settings=settings)
    finish(start(alone, tmp_path / "alone"))
    (unbroken,) = (tmp_path / "alone" / "runs" / "resnet").iterdir()
    assert_equal_weights(weights(Run(run)), weights(Run(unbroken)))


@pytest.mark.several
def test_machines_that_do_not_reach_each_other_say_so(hosts: list[Host], tmp_path: Path) -> None:
    """As with Debian's /etc/hosts, where a machine's name stands for the machine itself."""
    for host in hosts:
        host.called("127.0.1.1")
    for code, _, errors in on_both(hosts, tmp_path, SMALL, {}, PATIENCE="1"):
        assert code
        assert errors.count("the processes do not reach each other: ") == 1
    ended = on_both(hosts, tmp_path, f"{SMALL} --out runs", {}, GLOO_SOCKET_IFNAME="eth0")
    assert [code for code, _, _ in ended] == [0, 0], ended


@pytest.mark.several
def test_a_job_of_slurm_stops_at_its_time_limit_and_its_next_start_resumes_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "code").symlink_to(ROOT / "code")
    programs = tmp_path / "bin"
    programs.mkdir()
    start = shlex.join(forked([sys.executable, "-c", "import sys; words = sys.argv[1:]" + START]))
    write(programs / "python", f'{start} "$@"')
    write(programs / "torchrun", f'{start} -m torch.distributed.run "$@"')
    write(programs / "srun", 'env SLURM_NODEID=0 "$@"')
    write(
        programs / "scontrol",
        'sh -c \'[ "$1" = show ] && echo 127.0.0.1 || echo "$@" >&2\' sh "$@"',
    )
    job = str(free_port() - 1024)
    variables = environment(
        CUDA_VISIBLE_DEVICES="",
        PATH=f"{programs}:{os.environ['PATH']}",
        PYTHON_EXEC=str(programs / "python"),
        GLOO_SOCKET_IFNAME="lo",
        SLURM_JOB_ID=job,
        SLURM_JOB_NODELIST="one",
        SLURM_NNODES="1",
        SLURM_GPUS_ON_NODE="2",
    )
    script = ["sh", str(ROOT / "docs" / "slurm.sh"), *SMALL.split(), "--epochs", "2"]

    def begin(**more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            script,
            cwd=tmp_path,
            env=variables | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    first = begin(WAITS="1")
    while not (tmp_path / "waits").exists():
        assert first.poll() is None, first.communicate()
        time.sleep(0.05)
    first.send_signal(signal.SIGTERM)
    _, errors = first.communicate(timeout=100)
    assert errors.count("stopped; continue with: ") == 1, errors
    assert f"requeue {job}" in errors
    assert finish(begin()).count("test accuracy") == 1
    (run,) = (tmp_path / "runs" / f"job-{job}" / "resnet").iterdir()
    assert [row["epoch"] for row in Run(run).read("history.json")] == [1, 2]


def check_one_search(printed: list[str]) -> None:
    """Assert that the commands that printed this made one search together."""
    studies = {re.findall(r"^study (\S+): ", text, re.MULTILINE)[0] for text in printed}
    assert len(studies) == 1
    made = [line for text in printed for line in text.splitlines() if "M MACs" in line]
    assert 4 <= len(made) <= 5  # each further worker may add one on top
    assert all("train it: " in text for text in printed)


@pytest.mark.several
def test_the_commands_for_one_machine_search_together(tmp_path: Path) -> None:
    lines = [line for line in SEARCHES if "--storage" not in line]
    assert len(lines) == 2
    workers = [start(small(line, settings=SMALL_SEARCH), tmp_path) for line in lines]
    check_one_search(list(map(finish, workers)))
    assert (tmp_path / "runs" / "nsganet" / "search.db").exists()


@pytest.mark.parametrize("line", [line for line in SEARCHES if "--storage" in line])
def test_a_command_for_several_machines_searches_in_one_storage(line: str, tmp_path: Path) -> None:
    folders = [tmp_path / "0", tmp_path / "1"]
    for folder in folders:
        folder.mkdir()
    line = re.sub(r"postgresql://\S+", f"sqlite:///{tmp_path}/search.db", line)
    # One after the other: that workers search side by side in such a storage has its own test.
    check_one_search([run(small(line, settings=SMALL_SEARCH), folder) for folder in folders])
    assert len([path for path in tmp_path.iterdir() if path.is_file()]) == 1


def test_the_job_says_so_where_it_is_none(tmp_path: Path) -> None:
    variables = {key: value for key, value in os.environ.items() if key != "SLURM_JOB_ID"}
    script = ["sh", str(ROOT / "docs" / "slurm.sh"), "--depth", "56"]
    told = subprocess.run(script, cwd=tmp_path, env=variables, capture_output=True, text=True)
    assert told.returncode == 2
    assert told.stderr == "slurm.sh runs as a job of SLURM: sbatch docs/slurm.sh --depth 56\n"
