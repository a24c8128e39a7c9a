"""What the lessons share: data, training, command line, measuring, pictures.

It knows nothing of a lesson or a slide. The names below are those that a lesson needs.
"""

from . import ctrl_c as ctrl_c  # first: PyTorch comes with the next line
from .cli import command_line, picture_folder, refuse_unused
from .data import Batches, Data, load, normalized
from .errors import UserError
from .machine import shown
from .measure import count_macs, count_parameters, layer_table
from .pictures import keep
from .recipe import AuxiliaryRecipe, Options, Recipe, setting
from .training import Trained, train

__all__ = [
    "AuxiliaryRecipe",
    "Batches",
    "Data",
    "Options",
    "Recipe",
    "Trained",
    "UserError",
    "command_line",
    "count_macs",
    "count_parameters",
    "keep",
    "layer_table",
    "load",
    "normalized",
    "picture_folder",
    "refuse_unused",
    "setting",
    "shown",
    "train",
]
