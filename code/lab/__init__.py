"""What the lessons share: data, training, command line, measuring, pictures.

It knows nothing of a lesson or a slide. The names below are those that a lesson needs.
"""

from . import ctrl_c as ctrl_c  # first: PyTorch comes with the next line
from .batches import Batches, normalized
from .cli import demonstrate, main, smoke
from .data import Data, load
from .demo import demo
from .errors import UserError
from .lesson import Command, Figure, Form, Learns, Lesson, NetworkLesson
from .measure import count_macs, count_parameters, layer_table, layers
from .proof import Proof, SameAs, prove
from .recipe import AuxiliaryRecipe, Options, Recipe, setting
from .training import Trained, train

__all__ = [
    "AuxiliaryRecipe",
    "Batches",
    "Command",
    "Data",
    "Figure",
    "Form",
    "Learns",
    "Lesson",
    "NetworkLesson",
    "Options",
    "Proof",
    "Recipe",
    "SameAs",
    "Trained",
    "UserError",
    "count_macs",
    "count_parameters",
    "demo",
    "demonstrate",
    "layer_table",
    "layers",
    "load",
    "main",
    "normalized",
    "prove",
    "setting",
    "smoke",
    "train",
]
