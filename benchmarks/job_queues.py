"""How fast libraries for job queues are on the same server, where each job makes two writes as a refund does: one
before its call, one after it. They write one row each time; csctl writes the attempt, the sale, the order, the queue
item, the email, the history and the audit row.

They are measured where they are installed: `pip install pgqueuer procrastinate`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from importlib.util import find_spec
from typing import Any

from sqlalchemy import make_url

_TABLE = "CREATE TABLE bench_attempts (job bigint PRIMARY KEY, state text NOT NULL)"
_INTENT, _OUTCOME = (
    "INSERT INTO bench_attempts VALUES (%s, 'sent')",
    "UPDATE bench_attempts SET state = 'done' WHERE job = %s",
)
Write = Callable[[int], Awaitable[None]]


def rates(url: str, jobs: int) -> Iterator[tuple[str, float | None]]:
    """Jobs a second of each library, in an empty database; None if it is not installed."""
    for name, work in (("pgqueuer", _pgqueuer), ("procrastinate", _procrastinate)):
        yield name, asyncio.run(_measured(url, jobs, work)) if find_spec(name) else None


async def _measured(url: str, jobs: int, work: Callable[..., Awaitable[float]]) -> float:
    from psycopg_pool import AsyncConnectionPool

    parsed = make_url(url)
    target = {"dbname": parsed.database, "user": parsed.username, "host": parsed.query.get("host") or parsed.host}
    async with AsyncConnectionPool(kwargs=target | {"autocommit": True}, min_size=8, max_size=8) as pool:

        async def write(job: int) -> None:
            async with pool.connection() as connection:
                await connection.execute(_INTENT, [job])
            async with pool.connection() as connection:
                await connection.execute(_OUTCOME, [job])

        async with pool.connection() as connection:
            await connection.execute("DROP TABLE IF EXISTS bench_attempts")
            await connection.execute(_TABLE)
        return jobs / await work(target, jobs, write)


async def _pgqueuer(target: dict[str, Any], jobs: int, write: Write) -> float:
    import psycopg
    from pgqueuer import PgQueuer, PsycopgDriver
    from pgqueuer.types import QueueExecutionMode

    async with await psycopg.AsyncConnection.connect(autocommit=True, **target) as connection:
        queue = PgQueuer(PsycopgDriver(connection))
        await queue.qm.queries.install()
        numbers = [str(job).encode() for job in range(jobs)]
        await queue.qm.queries.enqueue(["refund"] * jobs, numbers, [0] * jobs)

        async def refund(job: Any) -> None:
            await write(int(job.payload))

        queue.entrypoint("refund")(refund)
        begun = time.perf_counter()
        await queue.qm.run(batch_size=100, mode=QueueExecutionMode.drain)
        return time.perf_counter() - begun


async def _procrastinate(target: dict[str, Any], jobs: int, write: Write) -> float:
    import procrastinate

    queue = procrastinate.App(connector=procrastinate.PsycopgConnector(kwargs=target))

    async def refund(job: int) -> None:
        await write(job)

    task = queue.task(name="refund")(refund)
    async with queue.open_async():
        await queue.schema_manager.apply_schema_async()
        await task.batch_defer_async(*[{"job": job} for job in range(jobs)])
        begun = time.perf_counter()
        await queue.run_worker_async(wait=False, concurrency=32, install_signal_handlers=False)
        return time.perf_counter() - begun
