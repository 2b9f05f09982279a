"""Memory of bulk work. benchmarks/bulk_dry_run.py measures it with 100,000 records."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.running import PROGRAM
from tests.selection import on_sqlite
from tests.shops import Shop

MANY = 5_000
_MEASURED = """
import resource, subprocess, sys
subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024, file=sys.stderr)
"""


def peak(shop: Shop, records: int) -> int:
    """The peak memory of a dry run of so many records, in MB."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, PROGRAM, "txn", "refund", "-", "--dry-run", "-o", "jsonl", "--quiet"],
        input="".join(f"txn_{number}\n" for number in range(1, records + 1)),
        env={**os.environ, **shop.environment()},
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(done.stdout.splitlines()) == records
    return int(done.stderr.split()[-1])


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count memory in other units")
@on_sqlite
def test_memory_of_a_dry_run_does_not_grow_with_the_records(shop: Shop) -> None:
    """benchmarks/bulk_dry_run.py allows 30 MB for 100,000 records. A list of these results takes more than 2 MB."""
    assert peak(shop, MANY) - peak(shop, 500) <= 2
