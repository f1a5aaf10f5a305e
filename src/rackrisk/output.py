"""What commands print: at once, in the width and the colours of the stream, or as JSON."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console


def as_json(document: dict[str, Any]) -> str:
    """One JSON document."""
    return json.dumps(document, indent=2, allow_nan=False, default=str) + "\n"


def typed(*words: object) -> str:
    """A command to type, `rackrisk resume 'my run'`: a name in it is one word to the shell, whatever it holds."""
    return shlex.join(["rackrisk", *map(str, words)])


def drawn(stream: TextIO, draw: Callable[[Console], None]) -> str:
    """What `draw` prints on a console of the width and the colours of `stream`."""
    from rich.console import Console

    console = Console(file=stream, highlight=False)
    with console.capture() as captured:
        draw(console)
    return captured.get()


def say(text: str, stream: TextIO) -> None:
    """Writes plain words at once; what is no letter or sign in them, as names may have it, is shown as an escape."""
    from .figures import visible

    write("\n".join(map(visible, text.split("\n"))), stream)


def write(text: str, stream: TextIO) -> None:
    """Writes at once. A reader that went away (`| head`) is no error: what was computed is stored."""
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # Python flushes again at exit
