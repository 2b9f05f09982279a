"""Random days of a shop keep its books right."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.databases import Template
from tests.proof.simulation import machine
from tests.shops import Shop


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_what_went_out_is_what_the_books_say(
    template: Template, tmp_path_factory: pytest.TempPathFactory, full: bool
) -> None:
    numbers = itertools.count()

    def opened() -> Shop:
        folder = tmp_path_factory.mktemp(f"days{next(numbers)}")
        with template.copied(folder) as url:
            return Shop(folder / "shop", url, template.tokens)

    how = settings(
        max_examples=60 if full else 5,
        stateful_step_count=40,
        deadline=None,
        derandomize=True,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine(opened), settings=how)
