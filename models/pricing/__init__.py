"""What a loan's spread would have to be, and whether the quoted one pays for it (docs/pricing.md)."""

from ._book import PricedBook as PricedBook
from ._config import PricingConfig as PricingConfig
from ._facilities import fair_facilities as fair_facilities
from ._fair import FairSpreads as FairSpreads
from ._scopes import PricedScope as PricedScope
from ._scopes import fair_scopes as fair_scopes
from ._scopes import priced_scopes as priced_scopes
from ._scopes import scope_weights as scope_weights
from ._tables import pricing_table as pricing_table
