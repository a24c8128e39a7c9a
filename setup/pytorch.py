"""Installs PyTorch's CPU build where there is no GPU that the other's gigabytes would be for.

`make` runs it in a new environment, before all the rest is installed. In the environment,
TORCH=default leaves PyTorch to PyPI, and TORCH_INDEX names a mirror of PyTorch's own index.
"""

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

INDEX = os.environ.get("TORCH_INDEX") or "https://download.pytorch.org/whl/cpu"
PATIENCE = 2.0  # seconds
PACKAGES = ("torch", "torchvision")


def answers() -> bool:
    """Whether the index answers soon; looking its name up may take longer than any timeout."""
    answered = threading.Event()

    def ask() -> None:
        try:
            urllib.request.urlopen(f"{INDEX}/torch/", timeout=PATIENCE).close()
        except (OSError, ValueError):
            return
        answered.set()

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE)
    return answered.is_set()


def requirements() -> list[str]:
    """What pyproject.toml asks for, of the packages that have a CPU build."""
    text = (Path(__file__).resolve().parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    entries = [line.strip().strip('",') for line in text.splitlines()]
    return [entry for entry in entries if entry.split(">")[0] in PACKAGES]


def install() -> bool:
    """Install the CPU build; tell whether that is what came."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--extra-index-url", INDEX]
    done = subprocess.run([*pip, *requirements()], stderr=subprocess.DEVNULL)
    importlib.invalidate_caches()
    return done.returncode == 0 and "+cpu" in importlib.metadata.version("torch")


def main() -> None:
    if len(sys.argv) > 1:
        print(f"setup/pytorch.py takes no {sys.argv[1]}: it has no settings", file=sys.stderr)
        sys.exit(2)
    if sys.platform != "linux" or importlib.util.find_spec("torch") is not None:
        return  # elsewhere PyPI's has no such libraries
    if os.environ.get("TORCH") == "default":
        reason = "as TORCH=default says"
    elif shutil.which("nvidia-smi") is not None:
        reason = "for the NVIDIA GPU"
    elif not answers():
        reason = f"because {INDEX} does not answer"
    elif not install():
        reason = f"because {INDEX} has none for this Python"
    else:
        print(f"PyTorch is the CPU build of {INDEX} (TORCH=default takes PyPI's)", flush=True)
        return
    print(f"PyTorch is PyPI's, {reason}", flush=True)


if __name__ == "__main__":
    main()
