"""Which files a folder has: here, because no room below lists one.

It needs nothing else, so that what is in a hurry can run it alone.
"""

from pathlib import Path


def plain_files(folder: Path, pattern: str) -> list[Path]:
    """The files of a folder that fit a glob pattern, sorted: nobody else lists one.

    Passed over are hidden files, which an editor or macOS left, and what is no file: a folder, or a
    link that leads nowhere.
    """
    return sorted(
        path
        for path in folder.glob(pattern)
        if path.is_file() and not any(part[0] == "." for part in path.relative_to(folder).parts)
    )
