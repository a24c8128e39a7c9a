# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # NSGA-Net
#
# Lu, Whalen, Boddeti, Dhebar, Deb, Goodman and Banzhaf, *NSGA-Net: neural architecture search using
# multi-objective genetic algorithm*, GECCO 2019 ([arXiv:1810.03522](https://arxiv.org/abs/1810.03522)).
# The companion of the slide **NSGA-Net**.
#
# A string of bits says which layer reads which, and evolution chooses the bits: in a population of
# networks the better ones become parents, their bits are mixed, about one is drawn anew, and then
# the children are trained. Two numbers count at once, the error and the work per image, so the
# result is not one network but a *front* of them, from cheap to accurate.
#
# `python code/nsganet.py` trains a network that a search has found; `python code/nsganet.py search`
# searches: start it a second time, and two processes share the work. At the end it prints the
# command that trains what it found. A recorded search is in `static/searches/nsganet.json`.

# %%
from dataclasses import dataclass, replace
from functools import cache
from itertools import permutations
from typing import TYPE_CHECKING, Any

import lab  # isort: skip (before torch, for Ctrl-C)
import torch
from torch import Tensor, nn

from lab.search.pareto import print_front

if TYPE_CHECKING:
    from optuna import Study, Trial

# %% [markdown]
# ## The genome
#
# A network is a row of *phases*, each at half the resolution of the one before it. A phase is a
# graph of nodes, and its bits say which earlier nodes each of them reads (the encoding of Xie and
# Yuille, *Genetic CNN*, ICCV 2017): one bit for node 2, two for node 3, three for node 4. NSGA-Net
# adds a last bit for a connection from the input of the phase to its output. In
# `1-01-111-0.0-10-100-1`, two phases of four nodes, node 3 of the first one reads node 2 but not
# node 1, and node 4 reads all.


# %%
def decode(genome: str) -> list[list[int]]:
    """The bits of each phase, "1-01-0" -> [[1, 0, 1, 0]]."""
    return [[int(bit) for bit in phase if bit != "-"] for phase in genome.split(".")]


def encode(phases: list[list[int]]) -> str:
    """The genome with these bits, [[1, 0, 1, 0]] -> "1-01-0"."""
    texts = []
    for *bits, residual in phases:
        rows: list[str] = []
        while bits:
            size = len(rows) + 1
            rows.append("".join(map(str, bits[:size])).ljust(size, "?"))  # "?": one is missing
            bits = bits[size:]
        texts.append("-".join([*rows, str(residual)]))
    return ".".join(texts)


# %% [markdown]
# Not every string of bits is a graph that leads from the input to the output. The authors' decoder
# repairs it: a node that is read but reads nothing gets the input; one that reads but is never read
# goes to the output; one without either is left out, and so is a phase without any connection.

# %%
Graph = dict[int, list[int]]


def graph(bits: list[int]) -> Graph:
    """Which nodes each node of a phase reads: 0 is the input, the last node is the output.

    The nodes stand in the order in which they can be computed; without any connection between
    nodes, whatever the last bit says, there are none.
    """
    *left, residual = bits
    between: Graph = {1: []}
    while left:
        node = len(between) + 1
        earlier = range(1, node)
        between[node] = [n for n in earlier if left[n - 1]]
        left = left[node - 1 :]
    read = {n for sources in between.values() for n in sources}
    kept = [n for n in between if between[n] or n in read]
    active = {n: between[n] or [0] for n in kept}
    if not active:
        return {}
    ends = [n for n in active if n not in read]
    return {**active, len(between) + 1: [0] * residual + ends}


# %% [markdown]
# ## The phase
#
# A node is a 3x3 convolution, batch norm and ReLU. Where it reads several others, their maps are
# concatenated, and a 1x1 convolution reduces them to the channels of the phase, as in the
# authors' code. So a connection has a cost; in *Genetic CNN* maps are summed.


# %%
class Phase(nn.Module):
    """A graph of nodes (section 3): (N, in_channels, H, W) -> (N, channels, H, W).

    `kernel` is that of the convolution that widens the input: 3 in the first phase, which sees the
    image, 1 in the others.
    """

    def __init__(self, bits: list[int], in_channels: int, channels: int, kernel: int) -> None:
        super().__init__()
        self.reads = graph(bits)
        self.widen = nn.Conv2d(in_channels, channels, kernel, padding=kernel // 2, bias=False)
        self.joins = nn.ModuleDict()
        self.nodes = nn.ModuleDict()
        for node, sources in self.reads.items():
            if len(sources) > 1:
                joined = len(sources) * channels
                self.joins[str(node)] = nn.Conv2d(joined, channels, kernel_size=1, bias=False)
            if node != max(self.reads):
                convolution = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
                self.nodes[str(node)] = nn.Sequential(
                    convolution, nn.BatchNorm2d(channels), nn.ReLU()
                )
        self.norm = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        maps = {0: self.widen(x)}
        for node, sources in self.reads.items():
            y = maps[sources[0]]
            if len(sources) > 1:
                y = self.joins[str(node)](torch.cat([maps[source] for source in sources], 1))
            if str(node) in self.nodes:
                y = self.nodes[str(node)](y)
            maps[node] = y
        return self.relu(self.norm(maps[max(maps)]))  # of the output


# %% [markdown]
# ## The network
#
# The remaining phases, 2x2 max pooling between them, an average over each map, and one fully
# connected layer. Each phase has twice the channels of the one before it.


# %%
class NSGANet(nn.Module):
    """The network of a genome: images (N, 3, 32, 32) -> logits (N, classes).

    `width` is the number of channels in the first phase.
    """

    def __init__(self, genome: str, width: int = 16, classes: int = 10) -> None:
        super().__init__()
        phases = [bits for bits in decode(genome) if graph(bits)]
        layers: list[nn.Module] = []
        channels = 3
        for number, bits in enumerate(phases):
            if number > 0:
                layers.append(nn.MaxPool2d(2))
            wider = width * 2**number
            layers.append(Phase(bits, channels, wider, kernel=1 if number else 3))
            channels = wider
        self.phases = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:  # with three phases and width 16:
        x = self.phases(x)  # (N, 64, 8, 8)
        x = self.avgpool(x).flatten(1)  # (N, 64)
        return self.fc(x)  # (N, classes)


# %% [markdown]
# ## The same network twice
#
# Different bits can mean the same network: they are repaired to the same graph, or only the numbers
# of the nodes differ. So that no network is trained twice, each graph is written in a *canonical
# form*, which does not depend on the numbers of its nodes: of all orders in which the nodes can be
# computed, keep the one whose text comes first in the alphabet. Six nodes have at most 720 orders,
# so all can be tried.


# %%
@cache
def canonical_phase(genome: str) -> str:
    """The canonical form of one phase; nothing if it has no connection."""
    reads = graph(decode(genome)[0])
    if not reads:
        return ""
    *nodes, output = reads
    forms = []
    for order in permutations(nodes):
        number = {0: 0, **{node: place for place, node in enumerate(order, start=1)}}
        if any(number[source] >= number[node] for node in nodes for source in reads[node]):
            continue  # it would be computed before what it reads
        rows = [sorted(number[source] for source in reads[node]) for node in (*order, output)]
        forms.append(";".join(",".join(map(str, row)) for row in rows))
    return min(forms)


def canonical(genome: str) -> str:
    """The same text for all genomes of one network, another for every other network."""
    return "|".join(filter(None, map(canonical_phase, genome.split("."))))


# %% [markdown]
# ## The recipe
#
# The genome is the knee of the recorded search: the network farthest below the straight line that
# joins the two ends of the front. Here it gets more channels and more time.


# %%
@dataclass(frozen=True)
class NSGANetRecipe(lab.Recipe):
    """The settings of every lesson, and those of NSGA-Net."""

    TITLE = "NSGA-Net"
    genome: str = lab.setting(
        "0-10-000-0.1-00-000-1.0-01-110-1", "the network: bits of its phases, separated by dots"
    )
    width: int = lab.setting(16, "channels of the first phase", low=1)


RECIPE = NSGANetRecipe("nsganet", epochs=20, lr=0.2, batch_size=128, crop_padding=2)


def build(recipe: NSGANetRecipe, classes: int) -> NSGANet:
    """The network that a recipe asks for."""
    try:
        phases = decode(recipe.genome)
        right = encode(phases) == recipe.genome and min(map(len, phases)) > 1
    except ValueError:
        phases, right = [], False
    if not right or sum(bool(graph(bits)) for bits in phases) > 6:
        raise lab.UserError(
            f"--genome {recipe.genome!r}: in a phase node 2 has one bit, node 3 two and so on, "
            "and a last one stands alone, as in 1-01-111-0; 32x32 images allow six phases at most"
        )
    return NSGANet(recipe.genome, recipe.width, classes)


@lab.demo
def genomes_and_costs() -> None:
    for genome in ("1-01-001-0", "0-00-100-0", "1-00-001-0", "0-10-010-0"):
        print(f"{genome}: {graph(decode(genome)[0])}, the same as {canonical(genome)}")
    print(lab.layer_table(build(RECIPE, 10), (1, 3, 32, 32), depth=2))


# %% [markdown]
# ## The search
#
# Two objectives: $f_1$ is the share of held-out images that a network gets wrong in the best epoch
# of a short training, $f_2$ its multiply-accumulates per image. Network a *dominates* b if
#
# $$f_1(a) \le f_1(b), \quad f_2(a) \le f_2(b), \quad (f_1(a), f_2(a)) \ne (f_1(b), f_2(b))$$
#
# NSGA-II (Deb et al., 2002) is Optuna's own. Of parents and children it first keeps those that no
# other one dominates, then those that only these dominate, and so on, rank by rank, until the
# population is full. If the last rank does not fit, those in sparse places stay, so that the front
# stays wide. A child takes each bit from one of its parents, and on average one bit is then
# replaced at random. (The paper begins with networks that people designed, and late in the search
# it draws genomes from a Bayesian network, learned from all that was tried. We do neither.)
#
# The study holds all that is known, so any process may stop, be killed or join in. Its name is made
# of all settings that change its results, so the same command finds the same study. `--generations`
# is not among them: ask for more generations, and a finished search goes on.


# %%
@dataclass(frozen=True)
class SearchOptions(lab.Options):
    """The options of every lesson, and those of the search."""

    sampler: str = lab.setting("nsga2", "what draws the networks", choices=("nsga2", "random"))
    population: int = lab.setting(8, "networks in a generation", low=2)
    generations: int = lab.setting(5, "number of generations", low=1)
    nodes: int = lab.setting(4, "nodes of each of the three phases", low=2, high=6)
    images: int = lab.setting(5000, "images that each network is trained on", low=1)
    storage: str = lab.setting("", "URL of a database (default: search.db with the runs)")
    heartbeat: int = lab.setting(30, "seconds between signs of life; four missed: dead", low=1)


# How each network is trained.
SEARCH = replace(RECIPE, width=8, epochs=3, lr=0.1, batch_size=32)
PHASES = 3  # as in the paper's search on CIFAR10


def draw(trial: "Trial", nodes: int) -> str:
    """A genome of phases with so many nodes; each of its bits is a parameter of the trial."""
    bits = range(nodes * (nodes - 1) // 2 + 1)
    names = [[f"phase {phase}, bit {bit}" for bit in bits] for phase in range(1, PHASES + 1)]
    return encode([[trial.suggest_categorical(bit, (0, 1)) for bit in phase] for phase in names])


def search(recipe: NSGANetRecipe, options: SearchOptions) -> list[dict[str, Any]]:
    """Work on the search with these settings until it is over: a row for each trial."""
    from lab.search import study as studies

    data = lab.load(recipe.data, limit=recipe.limit or None)
    data = replace(data, train=data.train.first(options.images))
    study = open_search(recipe, options)

    def objective(trial: "Trial") -> tuple[float, float]:
        genome = draw(trial, options.nodes)
        trial.set_user_attr("genome", genome)
        twin = studies.find_twin(study, trial, canonical(genome))
        if twin is not None:  # no network is trained twice
            trial.set_user_attr("same_as", twin.number)
            return twin.values[0], twin.values[1]
        own = replace(recipe, genome=genome)
        found = studies.train_briefly(build, own, data, options)
        trial.set_user_attr("found", found)
        return found["error"], found["macs"]

    trials = options.population * options.generations
    studies.work(study, objective, trials)
    return studies.rows(study, options.population)


def open_search(recipe: NSGANetRecipe, options: SearchOptions) -> "Study":
    """The study of a search: that of the same settings if there is one, else a new one."""
    from lab.search import study as studies

    settings = {name: getattr(options, name) for name in ("sampler", "population", "nodes")}
    settings["search_images"] = options.images
    name = studies.name_of(replace(recipe, genome=""), settings)
    sampler = studies.sampler(options.sampler, options.population, recipe.seed)
    storage = options.storage or studies.default_storage(options.out, recipe.network)
    return studies.open_study(storage, name, sampler, options.heartbeat)


SEARCH_COMMAND = lab.Command(
    "Search for networks.",
    lambda recipe, options: f"--genome {print_front(search(recipe, options))}",  # the knee
    recipe=SEARCH,
    options=SearchOptions(),
    hidden=("genome", "tta"),
    smoke={"population": 4, "generations": 2, "nodes": 3, "images": 200, "width": 4, "epochs": 1},
)


@lab.demo
def a_tiny_search() -> None:
    lab.smoke(SEARCH_COMMAND)


LESSON = lab.NetworkLesson(
    "nsganet",
    "NSGA-Net",
    "Evolution chooses the connections, for few errors and for little work at once.",
    recipe=RECIPE,
    build=build,
    full_size="search --nodes 6",
    commands={"search": SEARCH_COMMAND},
)

# %% [markdown]
# ## Train

# %%
if __name__ == "__main__":
    trained = lab.main(LESSON)

# %% [markdown]
# ## What it learned
#
# The search saw three epochs on a few images. How far can you trust such a short training?

# %%
if __name__ == "__main__":
    trained.pictures()

# %% [markdown]
# ## To try
#
# - `search --sampler random`: what does random search find with the same number of trials?
# - `search --generations 10` continues the search. When does the front stop moving?
# - `--genome 0-00-000-0.1-11-111-1.1-11-111-1 --epochs 40`: a genome of your own. Do the ends of
#   the front keep their order when they are trained for longer?
# - Sum the inputs of a node instead of concatenating them: which bits then cost nothing?
