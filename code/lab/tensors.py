"""Read a file of tensors, and notice when it is not what was written."""

import zipfile
from pathlib import Path
from typing import Any

import torch

FOLDER = 0x10  # of the attributes of an entry in a zip archive


class Damaged(Exception):  # noqa: N818 (what the file is)
    """A file that is not, or no longer, what `torch.save` writes; says why in a few words."""


def load(path: Path) -> Any:
    """What `torch.save` wrote into a file, on the CPU; no code in it is run.

    The file is a zip archive. PyTorch does not look at its checksums, and so would go on with a
    weight of which a bit has flipped: here they are checked.

    Raises:
        Damaged: it is another file, or has changed since.
        OSError: it cannot be opened.
    """
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                spoiled = archive.testzip()
                # PyTorch would leave a tensor that is marked as a folder as it is in memory.
                folders = [each for each in archive.infolist() if each.external_attr & FOLDER]
            if not spoiled and not folders:
                file.seek(0)
                return torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # zipfile and torch raise almost anything on a damaged file
            raise Damaged(str(error).strip().partition("\n")[0] or type(error).__name__) from None
    raise Damaged(f"wrong checksum of {spoiled}" if spoiled else "a tensor is marked as a folder")
