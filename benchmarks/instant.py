"""A gateway that approves everything after `latency_ms`, knows every sale, and keeps no books: what is measured with it
is csctl.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, tzinfo
from pathlib import Path

from csctl.domain.states import Kind, State
from csctl.gateways.operations import Answer, Found, Operation
from csctl.gateways.pace import Pace
from csctl.gateways.sandbox import Sandbox
from csctl.gateways.urls import AccountUrl


class Instant(Sandbox):
    """The sandbox, without its ledger."""

    def lookup(self, reference: str, kind: Kind) -> Found:
        del kind
        return Found(Answer(State.APPROVED, reference=reference))

    def _answer(self, op: Operation) -> Answer:
        self._connect()
        return Answer(State.APPROVED, reference=uuid.uuid4().hex)


def open_account(url: AccountUrl, *, rehearsal: bool, now: Callable[[], datetime], zone: tzinfo, pace: Pace) -> Sandbox:
    """The account of a URL: `instant:LEDGER?latency_ms=50`."""
    return Instant.at(url, now, zone, pace)


def offer(folder: Path) -> str:
    """Make a folder that offers the gateway to a csctl that has it in PYTHONPATH. Returns that path."""
    package = folder / "plugins" / "csctl_benchmark-1.dist-info"
    package.mkdir(parents=True, exist_ok=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: csctl-benchmark\nVersion: 1\n")
    (package / "entry_points.txt").write_text("[csctl.gateways]\ninstant = benchmarks.instant\n")
    return f"{package.parent}:{Path(__file__).parent.parent}"
