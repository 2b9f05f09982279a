"""Ids as people write them."""

from __future__ import annotations

import pytest

from csctl.domain import ids
from csctl.errors import Usage


@pytest.mark.parametrize("prefix", ids.PREFIXES)
def test_an_id_is_read_with_its_prefix_and_without(prefix: str) -> None:
    assert ids.parse(prefix, f" {prefix}_12 ") == ids.Ref(f"{prefix}_12", 12)
    assert ids.parse(prefix, "12") == ids.Ref("12", 12)
    assert ids.show(prefix, 12) == f"{prefix}_12"


def test_an_id_of_another_kind_names_the_command_that_it_is_for() -> None:
    with pytest.raises(Usage) as caught:
        ids.parse("txn", "ord_7")

    assert caught.value.fix == "csctl order show ord_7"
    assert caught.value.cause == "it names an order"


@pytest.mark.parametrize(
    "text", ["", "txn_", "txn_x", "txn 1", "txn_-1", "-1", "1.0", "TXN_1", "foo_1", "txn_١", "9" * 19, "txn_1\ntxn_2"]
)
def test_an_invalid_id_is_a_usage_error(text: str) -> None:
    with pytest.raises(Usage, match="is not a transaction id"):
        ids.parse("txn", text)
