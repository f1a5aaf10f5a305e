"""Errors of the system that pass by themselves, a full disk or a file server that went away: worth another try."""

from __future__ import annotations

import errno

PASSING = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EREMOTEIO, errno.ESTALE),
        *(errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENOLCK),
        *(errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH),
        *(errno.ENOTCONN, errno.ECONNABORTED, errno.ECONNREFUSED, errno.ECONNRESET),
    }
)


def passes(error: OSError) -> bool:
    """True if trying again later is of use."""
    return error.errno in PASSING
