"""A gateway account of an unknown kind is refused, wherever it is asked for."""

from __future__ import annotations

import pytest

from csctl.clock import Clock
from csctl.errors import Misconfigured
from csctl.gateways.registry import Registry


@pytest.mark.parametrize("url", ["strype:sk_test_1", "sandbx:ledger.db", "sk_test_1", ""])
def test_an_unknown_kind_is_refused(url: str) -> None:
    accounts = Registry({"main": url}, Clock(), rehearsal=True)

    with pytest.raises(Misconfigured) as refused:
        accounts["main"]

    assert "unknown gateway" in refused.value.message or "no kind of gateway" in refused.value.message
    assert "sk_test_1" not in refused.value.message


def test_an_account_that_is_not_configured_is_refused() -> None:
    with pytest.raises(Misconfigured, match="not configured"):
        Registry({}, Clock(), rehearsal=True)["main"]
