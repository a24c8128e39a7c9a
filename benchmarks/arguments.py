"""What the benchmarks take from their command lines."""

import argparse


def positive(text: str) -> int:
    """A whole number of at least 1, for the `type` of an argument."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text}")
    return int(text)
