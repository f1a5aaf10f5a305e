"""One self-contained HTML page for a run folder: text, tables and static pictures, no scripts, nothing to fetch."""

from ._load import ReportError as ReportError
from ._render import render as render
