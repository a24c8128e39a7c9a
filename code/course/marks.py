"""Text between two marks in a file that people write: made anew, and the rest left as it is."""

from lab.errors import UserError


def put_between(text: str, what: str, begin: str, end: str, made: str) -> str:
    """`text` with what stands between two marks replaced; `what` names that.

    Raises `UserError` if it does not hold each mark once, in order.
    """
    before, first, rest = text.partition(begin)
    _, last, after = rest.partition(end)
    if not (first and last) or begin in rest or end in after:
        raise UserError(f"{what} belongs between two lines, each once: {begin} and {end}")
    return f"{before}{begin}\n\n{made}\n\n{end}{after}"
