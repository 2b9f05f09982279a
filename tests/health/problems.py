"""What doctor finds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.running import Done
from tests.shops import Shop

Csctl = Callable[..., Done]


def problems(done: Done) -> dict[str, dict[str, Any]]:
    """What was found, by check."""
    assert done.code == 11, done.err
    return {row["check"]: row for row in done.json if row["status"] == "problem"}


def warnings(shop: Shop, **more: Any) -> list[str]:
    """What doctor says that a shop may have meant so."""
    done = shop("doctor -o json", **more)
    assert done.code == 0, done.out
    return [row["problem"] for row in done.json if row["status"] == "warning"]
