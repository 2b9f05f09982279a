"""Random days of a shop keep its books right."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.databases import Template
from tests.proof.inside import Inside
from tests.proof.simulation import machine
from tests.selection import on_sqlite


@on_sqlite
def test_what_went_out_is_what_the_books_say(template: Template, tmp_path: Path, full: bool) -> None:
    how = settings(
        max_examples=100 if full else 10,
        stateful_step_count=60,
        deadline=None,
        derandomize=True,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine(Inside(tmp_path, template)), settings=how)
