"""The process and the machine: devices, threads, several processes, and how errors are shown."""

import atexit
import ctypes
import os
import platform
import shlex
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import TypedDict

import ignite
import ignite.distributed as idist
import torch

from . import ctrl_c
from .errors import Stopped, UserError, first_line
from .precision import FORMATS, pick_precision
from .recipe import Options

PATIENCE = 50  # seconds for the processes of a training to find each other


class Environment(TypedDict):
    """What a result depends on besides its recipe."""

    command: str
    device: str
    precision: str
    python: str
    torch: str
    ignite: str
    commit: str
    channels_last: bool
    compile: bool
    processes: int


def in_notebook() -> bool:
    """Whether this is a Jupyter kernel, which has no command line of ours.

    A script that runs notebooks has ipykernel loaded as well, but is none itself.
    """
    if "ipykernel" not in sys.modules:
        return False
    from IPython.core.getipython import get_ipython

    return hasattr(get_ipython(), "kernel")


def show_errors_in_one_line() -> None:
    """From here on, show a `UserError` as one line; a script then exits with code 2."""
    ctrl_c.give_back()
    if in_notebook():
        from IPython.core.getipython import get_ipython

        shell = get_ipython()
        assert shell is not None
        shell.set_custom_exc(
            (UserError,), lambda shell, kind, error, *trace, **more: print(error, file=sys.stderr)
        )
        return

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, KeyboardInterrupt):
            error = Stopped("stopped")
        if isinstance(error, OSError) and error.strerror:  # the machine's refusal, and no fault
            place = f"{shown(error.filename)}: " if isinstance(error.filename, str) else ""
            error = UserError(f"{place}{error.strerror}")
        if not isinstance(error, UserError):
            sys.__excepthook__(kind, error, trace)
            return
        script, process = Path(sys.argv[0]).name, os.environ.get("RANK")
        if process and isinstance(error, Stopped) and not _speaks():
            raise SystemExit(error.exit_code)
        said = " ".join(str(error).split())  # a word of the user's may hold a line end
        line = f"{script}: {f'process {process}: ' if process else ''}{said}"
        # torch.distributed calls this with a sys.stderr of its own, which it would lose.
        print(line, file=sys.__stderr__)
        # Python exits with the code of a SystemExit that leaves the hook.
        raise SystemExit(error.exit_code)

    sys.excepthook = hook


def prepare(options: Options) -> None:
    """Set the process up for training, once: memory, threads and the group of processes.

    Under torchrun every process joins the group; all but the first stay silent from here on.

    Raises:
        UserError: the device asked for is not there.
    """
    if options.threads:
        torch.set_num_threads(options.threads)
    _keep_freed_memory()
    device = pick_device(options.device)
    if "WORLD_SIZE" in os.environ and idist.backend() is None:
        fast = device.type == "cuda" and torch.distributed.is_nccl_available()
        # Without a backend ignite would train separately in every process.
        _join("nccl" if fast else "gloo")
        atexit.register(idist.finalize)
        if idist.get_rank() > 0:
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (for the life of the process)


def _join(backend: str) -> None:
    """Join the group of processes, or say so within a minute; PyTorch takes half an hour."""
    line = (
        "the processes do not reach each other: open all ports between the machines, and on each "
        f"set {backend.upper()}_SOCKET_IFNAME to its interface towards the others, such as eth0"
    )

    def give_up() -> None:
        with suppress(SystemExit):  # which would end this thread alone
            sys.excepthook(UserError, UserError(line), None)
        os._exit(UserError.exit_code)

    waiting = threading.Timer(PATIENCE, give_up)
    waiting.daemon = True
    waiting.start()
    os.environ.pop("SLURM_JOB_ID", None)  # or ignite counts SLURM's tasks, each a whole torchrun
    try:
        idist.initialize(backend)
        idist.barrier()  # NCCL connects no sooner
    except RuntimeError as error:
        raise UserError(f"{line} ({first_line(error)})") from None
    finally:
        waiting.cancel()


def is_lost(error: BaseException) -> bool:
    """Whether an error says that another process of the training has ended."""
    return idist.get_world_size() > 1 and (
        isinstance(error, torch.distributed.DistError) or "gloo" in str(error).lower()
    )


def _speaks() -> bool:
    """Whether this process is the first to say why all of a group stop."""
    try:
        from torch.distributed import TCPStore  # type: ignore[attr-defined]

        place = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        store = TCPStore(*place, timeout=timedelta(seconds=2))
        return store.add("said", 1) == 1
    except (KeyError, RuntimeError):  # the first machine has ended
        return os.environ.get("LOCAL_RANK") == "0"


def _keep_freed_memory() -> None:
    """Tell glibc to reuse large freed blocks instead of giving them back to the kernel.

    Activations are freed and allocated anew at every step; fresh pages cost a fault each, 10 to
    30 % of a CPU training step. Other C libraries have no such setting.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h
    libc = ctypes.CDLL(None)
    libc.mallopt(trim_threshold, 1 << 30)
    libc.mallopt(mmap_threshold, 1 << 30)


def pick_device(name: str) -> torch.device:
    """The device that `name` ("auto", "cpu", "cuda" or "mps") stands for on this machine.

    Under torchrun "cuda" is the GPU of this process. Raises `UserError` if it is not there.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if "WORLD_SIZE" in os.environ:
        present["mps"] = False  # no backend lets processes share it
    if name == "auto":
        name = next((kind for kind, there in present.items() if there), "cpu")
    elif name != "cpu" and not present[name]:
        raise UserError(f"--device {name}: this machine has no such device that PyTorch can use")
    if name == "cuda" and "LOCAL_RANK" in os.environ:
        number = int(os.environ["LOCAL_RANK"])
        if number >= torch.cuda.device_count():
            raise UserError(f"--nproc_per_node: there is no GPU for process {number} here")
        return torch.device("cuda", number)
    return torch.device(name)


def home() -> Path:
    """Where `data` and `runs` lie: the checkout this code is in, or else the current folder.

    A notebook's current folder is that of the notebook, a script's that of the shell.
    """
    checkout = Path(__file__).parents[2]
    return checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()


def shown(path: Path | str) -> str:
    """A path for people: as seen from the current folder where it lies in there."""
    path = Path(path).absolute()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def this_command(*words: str) -> str:
    """What to type in order to start this script again, with these words; in a notebook, the words.

    The interpreter of a virtual environment that is not activated is not the shell's `python`.
    """
    join = subprocess.list2cmdline if os.name == "nt" else shlex.join
    if in_notebook():
        return join(words)
    found = shutil.which("python")
    same = found is not None and Path(found).absolute() == Path(sys.executable).absolute()
    spec = getattr(sys.modules["__main__"], "__spec__", None)  # of a module started by -m
    script = ["-m", spec.name.removesuffix(".__main__")] if spec else [shown(sys.argv[0])]
    return join(["python" if same else shown(sys.executable), *script, *words])


def describe(device: torch.device) -> str:
    """A device in words, for people: "NVIDIA H100", "AMD EPYC 7B13, 2 threads"."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return f"{platform.processor()} GPU (MPS)"
    threads = torch.get_num_threads()
    return f"{_processor()}, {threads} thread{'s' if threads > 1 else ''}"


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine() or "CPU"


def environment(device: torch.device, options: Options) -> Environment:
    """What a result depends on besides its recipe, on this machine."""
    return {
        "command": f"python code/{Path(sys.argv[0]).name} {shlex.join(sys.argv[1:])}".strip(),
        "device": describe(device),
        "processes": idist.get_world_size(),
        "precision": str(FORMATS[pick_precision(options.precision, device)]).removeprefix("torch."),
        "channels_last": options.channels_last,
        "compile": options.compile,
        "python": platform.python_version(),
        "torch": torch.__version__.partition("+")[0],
        "ignite": ignite.__version__,
        "commit": commit(),
    }


def commit() -> str:
    """The commit of this code, with "-dirty" if it does not hold it all; "" outside a checkout.

    A record or slides that have changed, too, do not count: no training reads them.
    """
    code = Path(__file__).resolve().parents[1]
    said = []
    for words in ("describe --always --abbrev=12 --exclude=*", "status --porcelain -- ."):
        try:
            done = subprocess.run(
                ["git", *words.split()], cwd=code, capture_output=True, text=True, timeout=10
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        said.append(done.stdout.strip())
    name, changed = said
    return f"{name}-dirty" if name and changed else name
