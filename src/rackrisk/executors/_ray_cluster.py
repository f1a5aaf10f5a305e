"""A Ray cluster for one run: this machine's own, closed to everybody else, or one that runs already.

Whoever reaches a port of Ray can run code as its user, so nothing here starts or enters a cluster without a token, and
a cluster of our own listens on the loopback address alone. No dashboard, no usage statistics.
"""

from __future__ import annotations

import errno
import io
import ipaddress
import os
import re
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stdout
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rackrisk.config import ConfigProblem, ConfigProblems
from rackrisk.interruptible import cleaning_up

# Ray reads these when it is imported and hands them on to every process that it starts.
# A task that asks for no GPU sees none.
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1"}
_TOKEN = {"RAY_AUTH_MODE": "token"}
# On desktop systems Ray binds the loopback address, for the firewall's sake; this asks for the same everywhere.
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
# A worker that ran out of memory would otherwise be started again without end.
_BOUNDED = {"RAY_task_oom_retries": "3"}

_ANSWER_SECONDS = 10
_OBJECT_STORE_BYTES = 256 * 1024**2  # for books and sums; what does not fit goes to the disk
_LONGEST_FOLDER = 40  # the path of a socket may have 107 characters, and Ray's part of it takes some 65


def ray_problems(address: str | None) -> list[ConfigProblem]:
    """What keeps this machine from using Ray as configured."""
    if find_spec("ray") is None:
        return [ConfigProblem("executor", "ray", "needs Ray: pip install -c constraints.txt '.[ray]'")]
    if address is None:
        return []
    if address != "auto" and not re.fullmatch(r"[^:/@\s]+:\d{1,5}", address):
        return [ConfigProblem("executor.address", address, "must be HOST:PORT of a cluster, or auto")]
    mode = os.environ.get("RAY_AUTH_MODE", "token")
    if mode != "token":
        rule = f"is entered with a token only; without one it runs anybody's code (RAY_AUTH_MODE is {mode})"
        return [ConfigProblem("executor.address", address, rule)]
    named = os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH")
    if not named and not (Path.home() / ".ray" / "auth_token").is_file():
        rule = "has a token, which is needed here: in RAY_AUTH_TOKEN_PATH, RAY_AUTH_TOKEN or ~/.ray/auth_token"
        return [ConfigProblem("executor.address", address, rule)]
    return []


@contextmanager
def ray_cluster(address: str | None, *, gpus: bool) -> Iterator[Any]:
    """The `ray` module, connected; afterwards disconnected, and a cluster of our own is gone.

    Args:
        address: of a running cluster, `HOST:PORT` or `auto`; None starts one on this machine, with its cores.
        gpus: a cluster of our own has the GPUs of this machine.

    Raises:
        ConfigProblems: Ray is missing, a token is missing or switched off, or Ray would listen to other machines.
        OSError: nobody answers at `address`.
    """
    if problems := ray_problems(address):
        raise ConfigProblems(problems)
    ours = {**_QUIET, **_TOKEN} | ({**_LOOPBACK, **_BOUNDED, "RAY_AUTH_TOKEN": _own_token()} if address is None else {})
    before = {name: os.environ.get(name) for name in ours}
    place = _private_folder() if address is None else nullcontext()
    # Ray tells of killed workers on stdout, which belongs to results.
    with cleaning_up(), place as folder, redirect_stdout(io.StringIO()):
        os.environ.update(ours)
        try:
            with _handlers_kept():
                ray = _connected(address, folder, gpus)
            yield ray
        finally:
            if "ray" in sys.modules:
                sys.modules["ray"].shutdown()
            _put_back(before)


@cache
def _own_token() -> str:
    """In no file, and gone with this process. Ray reads its token once in a process, so every run has the same."""
    return secrets.token_hex(32)


def _connected(address: str | None, folder: Path | None, gpus: bool) -> Any:
    import ray

    if ray.is_initialized():
        raise ConfigProblems([ConfigProblem("executor", "ray", "this process is connected to a Ray cluster already")])
    common: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address is None:
        own: dict[str, Any] = {} if gpus else {"num_gpus": 0}
        own |= {"include_dashboard": False, "object_store_memory": _OBJECT_STORE_BYTES, "_temp_dir": str(folder)}
        ray.init(address="local", num_cpus=len(os.sched_getaffinity(0)), **own, **common)
        _check_loopback(ray)
        return ray
    _knock(address)
    try:
        ray.init(address=address, **common)
    except ConnectionError as error:
        raise _nobody(address, str(error).partition("\n")[0]) from None
    except ray.exceptions.AuthenticationError:
        rule = "does not take the token that is set here"
        raise ConfigProblems([ConfigProblem("executor.address", address, rule)]) from None
    return ray


def _knock(address: str) -> None:
    """Ray itself would ask again for minutes whether somebody answers."""
    host, _, port = address.rpartition(":")
    if not host:
        return
    try:
        socket.create_connection((host, int(port)), timeout=_ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise _nobody(address, str(error)) from None


def _nobody(address: str, reason: str) -> OSError:
    return OSError(errno.EAGAIN, f"no Ray cluster answers ({reason})", address)


def _check_loopback(ray: Any) -> None:
    listens = ray.util.get_node_ip_address()
    if not ipaddress.ip_address(listens).is_loopback:
        rule = f"would listen on {listens}: this process imported Ray before it was set to the loopback address"
        raise ConfigProblems([ConfigProblem("executor", "ray", rule)])


@contextmanager
def _handlers_kept() -> Iterator[None]:
    """Ray's own handlers of signals would end the process with exit codes that mean nothing here."""
    numbers = (signal.SIGTERM, signal.SIGINT)
    if threading.current_thread() is not threading.main_thread():
        numbers = ()
    handlers = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


@contextmanager
def _private_folder() -> Iterator[Path]:
    """A folder for logs and sockets that nobody else can enter; gone afterwards."""
    inside = tempfile.gettempdir()
    folder = tempfile.mkdtemp(prefix="rackrisk-ray-", dir=inside if len(inside) <= _LONGEST_FOLDER else "/tmp")
    try:
        yield Path(folder) / "r"  # Ray opens the folder it is given to everybody
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _put_back(environment: Mapping[str, str | None]) -> None:
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
