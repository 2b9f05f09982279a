"""The file of the sandbox's ledger."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from csctl.gateways.sandbox.ledger import Ledger


def test_any_number_may_make_a_ledger_at_once(tmp_path: Path) -> None:
    together = Barrier(4)

    def account(path: Path) -> str:
        together.wait()
        ledger = Ledger(path)
        try:
            return ledger.account()
        finally:
            ledger.close()

    with ThreadPoolExecutor(4) as pool:
        made = [set(pool.map(account, [tmp_path / f"{number}.db"] * 4)) for number in range(40)]

    assert [len(accounts) for accounts in made] == [1] * 40
