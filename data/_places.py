"""Names of files and folders that somebody typed."""

from __future__ import annotations

from pathlib import Path


def expanded(text: str) -> Path:
    """The path that `text` names, with `~` written out.

    Raises:
        ValueError: with the rule that is broken; `~nobody` names no home, and no file has such a name.
    """
    if not text or "\0" in text:
        raise ValueError("must name a file or folder")
    if not is_utf8(text):
        raise ValueError("must have a name in UTF-8")  # it goes into manifests and reports
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError("begins with the home of a user who is not known here") from None


def is_utf8(text: str) -> bool:
    """False for text from a file name or an argument whose bytes are no UTF-8: no file of a run can hold it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
