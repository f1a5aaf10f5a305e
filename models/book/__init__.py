"""The book: a tape turned into the arrays of an engine."""

from ._build import BuiltBook as BuiltBook
from ._build import build_book as build_book
from ._debt import RANKS as RANKS
from ._schedule import Schedule as Schedule
from ._schedule import repayment as repayment
