"""Identify this process, and check whether another one has certainly ended."""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path


def me() -> str:
    """This process: its host, its number, and its start time (numbers are reused)."""
    return f"{_here()} {os.getpid()} {_started(os.getpid())}"


def is_gone(worker: str) -> bool:
    """Whether a process has certainly ended. For a process on another host this is unknown."""
    parts = worker.rsplit(" ", 2)
    if len(parts) < 3 or not parts[1].isdecimal():
        return False
    here, pid, started = parts
    return here == _here() and _started(int(pid)) != started


@cache
def _here() -> str:
    """This host since its last boot; each container on a host counts as a host of its own."""
    return " ".join([socket.gethostname(), _read("/proc/sys/kernel/random/boot_id")[:8], _namespace()])


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return "-"


def _started(pid: int) -> str:
    """The start time of a process, as its system reports it; "gone" if it does not exist."""
    if Path("/proc/self/stat").exists():
        fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        return fields[19] if len(fields) > 19 and fields[0] not in "ZX" else "gone"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return "gone"
    except PermissionError:
        pass  # another user's process
    return "-"


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""
