"""Which descriptors a process that answers queries may open: none, but for moments of our own.

In: nothing. Out: a bound of the process (``RLIMIT_NOFILE``, setrlimit(2)). It stands for as long as
the process serves, not for each query: a query then opens no file and no socket whatever it names,
and nothing has to be remembered before it runs. What is open stays open and usable.
"""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator

STANDARD = 3
"""Descriptors that are always open (the host sees to it), so that none below is free to take."""


def forbid() -> None:
    """Let nothing be opened from here on."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(STANDARD, hard), hard))


@contextlib.contextmanager
def allowed() -> Iterator[None]:
    """Let this process open what it needs itself: a connection, a spool's file, a module."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
