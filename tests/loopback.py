"""The hosts that csctl connected to in this process: tests leave this machine alone."""

from __future__ import annotations

import sys

LOOPBACK = {"127.0.0.1", "::1"}
LEFT = 98  # the exit code of a process that connected to another host


def others() -> set[str]:
    """The hosts beyond this machine."""
    connections = sys.modules.get("csctl.gateways.connections")
    return set(connections.CONTACTED) - LOOPBACK if connections else set()
