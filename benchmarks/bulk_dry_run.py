"""How much memory a large dry run takes, and how soon its first line comes.

python benchmarks/bulk_dry_run.py [RECORDS]      100,000 unless said otherwise; compared with 1,000

Prints, for each size: the peak of resident memory, the seconds from the end of the input to the first line, and in all.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import TextIO, cast

from sqlalchemy import insert

from csctl import database
from csctl.clock import Clock
from csctl.domain.addresses import Address
from csctl.models import Customer, Order, Transaction

CSCTL = str(Path(sysconfig.get_path("scripts")) / "csctl")
CHUNK = 5000
Pipes = tuple[TextIO, TextIO, TextIO]
_WRAPPER = (
    "import resource, subprocess, sys; r = subprocess.call(sys.argv[1:]); "
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr); sys.exit(r)"
)


def shop(folder: Path, records: int) -> dict[str, str]:
    """The environment of a rehearsal shop with so many settled sales."""
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "CSCTL_DATABASE_URL": f"sqlite:///{folder / 'shop.db'}",
        "CSCTL_GATEWAY_MAIN": f"sandbox:{folder / 'sandbox.db'}",
    }
    made = subprocess.run(  # noqa: S603 - our own program
        [CSCTL, "db", "init", "--admin", "jane", "--rehearsal", "-o", "json"], env=env, capture_output=True, check=True
    )
    env["CSCTL_TOKEN"] = json.loads(made.stdout)["token"]
    _fill(env["CSCTL_DATABASE_URL"], records)
    return env


def _fill(url: str, records: int) -> None:
    engine = database.connect(url)
    placed = Clock().now() - timedelta(days=3)
    with database.writing(engine) as session:
        session.add(Customer(id=1, created_at=placed, updated_at=placed))
        session.flush()
        for start in range(1, records + 1, CHUNK):
            numbers = range(start, min(start + CHUNK, records + 1))
            order = {"customer_id": 1, "status": "complete", "currency": "USD", "total": 1999, "placed_at": placed}
            session.execute(
                insert(Order), [{"id": n, "billing": Address(), "shipping": Address(), **order} for n in numbers]
            )
            sale = {"kind": "sale", "state": "approved", "amount": 1999, "currency": "USD", "gateway": "main"}
            sale |= {"settlement": "settled", "settled_at": placed, "created_at": placed, "refunded": 0, "reserved": 0}
            session.execute(
                insert(Transaction), [{"id": n, "order_id": n, "gateway_ref": f"s{n}", **sale} for n in numbers]
            )
    engine.dispose()


def measure(env: dict[str, str], records: int) -> dict[str, float]:
    """One dry run of so many refunds."""
    words = [sys.executable, "-c", _WRAPPER, CSCTL, "txn", "refund", "-", "--dry-run", "-o", "jsonl"]
    process = subprocess.Popen(  # noqa: S603
        words, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    source, results, said = cast(Pipes, (process.stdin, process.stdout, process.stderr))
    for number in range(1, records + 1):
        source.write(f"txn_{number}\n")
    source.close()
    begun = time.monotonic()
    results.readline()
    first = time.monotonic() - begun
    lines = 1 + sum(1 for _ in results)
    rest = said.read()
    if lines != records:
        raise SystemExit(rest)
    peak = int(rest.split()[-1])
    return {"records": records, "peak_mb": peak / 1024, "first_line_s": first, "all_s": time.monotonic() - begun}


def main() -> None:
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        env = shop(Path(folder), most)
        for records in (1000, most):
            print({name: round(value, 2) for name, value in measure(env, records).items()}, flush=True)


if __name__ == "__main__":
    main()
