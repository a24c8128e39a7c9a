"""What the lessons share: data, training, command line, measuring, pictures.

It knows nothing of a lesson or a slide. The names below are those that a lesson needs.
"""

from . import ctrl_c as ctrl_c  # first: PyTorch comes with the next line
from .batches import Batches as Batches
from .batches import normalized as normalized
from .cli import demonstrate as demonstrate
from .cli import main as main
from .cli import smoke as smoke
from .data import Data as Data
from .data import load as load
from .demo import demo as demo
from .errors import UserError as UserError
from .lesson import Command as Command
from .lesson import Figure as Figure
from .lesson import Form as Form
from .lesson import Lesson as Lesson
from .lesson import NetworkLesson as NetworkLesson
from .measure import count_macs as count_macs
from .measure import count_parameters as count_parameters
from .measure import layer_table as layer_table
from .measure import layers as layers
from .proof import Proof as Proof
from .proof import SameAs as SameAs
from .proof import prove as prove
from .recipe import AuxiliaryRecipe as AuxiliaryRecipe
from .recipe import Options as Options
from .recipe import Recipe as Recipe
from .recipe import setting as setting
from .training import Trained as Trained
from .training import train as train
