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
    if not _is_utf8(text):
        raise ValueError("must have a name in UTF-8")  # it goes into manifests and reports
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError("begins with the home of a user who is not known here") from None


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
