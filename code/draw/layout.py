"""Where the operations of a network stand: columns from left to right, lanes below each other."""

from dataclasses import dataclass

from .trace import Op


@dataclass
class Layout:
    """Where everything stands: columns from left to right, lanes from top to bottom."""

    column: dict[str, int]
    lane: dict[str, float]
    skips: dict[tuple[str, str], float]  # lanes of edges that pass an operation by
    lanes: int

    @property
    def columns(self) -> int:
        return max(self.column.values()) + 1


def lay_out(ops: list[Op]) -> Layout:
    """Each operation as late as it can be; each branch, and each skip, in a lane of its own.

    Of a part of a network, with what it reads from outside left out.
    """
    inside = {op.id for op in ops}
    sources = {op.id: [each for each in op.inputs if each in inside] for op in ops}
    readers: dict[str, list[str]] = {op.id: [] for op in ops}
    for op in ops:
        for source in sources[op.id]:
            readers[source].append(op.id)
    to_end: dict[str, int] = {}
    for op in reversed(ops):
        to_end[op.id] = max((to_end[each] + 1 for each in readers[op.id]), default=0)
    longest = max(to_end.values())
    layout = Layout({each: longest - count for each, count in to_end.items()}, {}, {}, 0)

    def place(which: str) -> float:
        """Give an operation and the branches that begin at it their lanes."""
        lanes = [place(each) for each in readers[which] if len(sources[each]) == 1]
        own = lanes or [_next(layout)]
        for each in readers[which]:
            if len(sources[each]) > 1 and len(readers[which]) > 1:
                layout.skips[which, each] = _next(layout)
        passed = any(source == which for source, _ in layout.skips)
        layout.lane[which] = own[0] if passed else (own[0] + own[-1]) / 2
        return layout.lane[which]

    for op in ops:
        if len(sources[op.id]) > 1:
            lanes = [layout.lane[each] for each in sources[op.id]]
            layout.lane[op.id] = lanes[0] if op.kind == "add" else sum(lanes) / len(lanes)
        elif op.id not in layout.lane:
            before = sources[op.id]
            if before and readers[before[0]] == [op.id] and not _forks(op.id, readers):
                layout.lane[op.id] = layout.lane[before[0]]  # it goes on behind a merge
            else:
                place(op.id)
    return layout


def _forks(which: str, readers: dict[str, list[str]]) -> bool:
    """Whether anything after an operation has several readers."""
    while len(readers[which]) == 1:
        which = readers[which][0]
    return bool(readers[which])


def _next(layout: Layout) -> float:
    layout.lanes += 1
    return layout.lanes - 1.0
