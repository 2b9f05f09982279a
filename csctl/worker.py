"""Which process is at something, and whether one that was is certainly gone."""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path


def me() -> str:
    """This process: where it runs, its number, and when it started (numbers are used again)."""
    return f"{_here()} {os.getpid()} {_started(os.getpid())}"


def is_gone(worker: str) -> bool:
    """Whether that process has certainly ended. Of a process on another host this is not known."""
    parts = worker.rsplit(" ", 2)
    if len(parts) < 3 or not parts[1].isdecimal():
        return False
    here, pid, started = parts
    return here == _here() and _started(int(pid)) != started


@cache
def _here() -> str:
    """This host since it was booted; of containers on one host, each is a place of its own."""
    return " ".join([socket.gethostname(), _read("/proc/sys/kernel/random/boot_id")[:8], _namespace()])


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return "-"


def _started(pid: int) -> str:
    """When a process started, in the words of its system; "gone" if there is none."""
    if Path("/proc/self/stat").exists():
        fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        return fields[19] if len(fields) > 19 and fields[0] not in "ZX" else "gone"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return "gone"
    except PermissionError:
        pass  # somebody else's, but there
    return "-"


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""
