"""The book: a tape turned into the arrays of an engine."""

from ._build import BuiltBook as BuiltBook
from ._build import build_book as build_book
from ._build import set_schedules_aside as set_schedules_aside
from ._debt import RANKS as RANKS
from ._schedule import Schedule as Schedule
from ._schedule import repayment as repayment
