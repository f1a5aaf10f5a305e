"""Configuration: Hydra composes it, pydantic checks it, nothing in it is ever executed."""

from ._executor import of_a_folder as of_a_folder
from ._limits import check_memory as check_memory
from ._limits import check_tape_memory as check_tape_memory
from ._limits import memory_needed_bytes as memory_needed_bytes
from ._limits import memory_there_bytes as memory_there_bytes
from ._load import check_out as check_out
from ._load import checked as checked
from ._load import flatten as flatten
from ._load import load_executor as load_executor
from ._load import load_settings as load_settings
from ._load import structural_settings as structural_settings
from ._models import SHAPES as SHAPES
from ._problems import ConfigProblem as ConfigProblem
from ._problems import ConfigProblems as ConfigProblems
from ._settings import PortfolioConfig as PortfolioConfig
from ._settings import Settings as Settings
from ._structural import StructuralSettings as StructuralSettings
from ._suggest import did_you_mean as did_you_mean
from ._sweep import MAX_POINTS as MAX_POINTS
from ._sweep import OWN_KEYS as OWN_KEYS
from ._sweep import Sweep as Sweep
from ._sweep import key_of as key_of
from ._sweep import read_sweep as read_sweep
from ._yaml import plain_mapping as plain_mapping
