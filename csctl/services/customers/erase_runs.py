"""Erase a person from the journals of runs: their names there, messages, and words of command lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.personal import ERASED, Details
from csctl.models import Customer, Email, Fulfillment, Order, Purchase, QueueItem, Run, RunRecord, Transaction
from csctl.services.shared.chunks import chunks

_WORDS = ("--reason=", "--note=")  # options that hold what people wrote
# The records of an order, by the command group that names them: `fulfillment ship ful_1`, `fulfillment ship 1`.
_GROUPS: tuple[tuple[str, str, Any], ...] = (
    ("order", "ord", Order),
    ("purchase", "pur", Purchase),
    ("txn", "txn", Transaction),
    ("queue", "rfq", QueueItem),
    ("fulfillment", "ful", Fulfillment),
    ("email", "eml", Email),
)


def blank(session: Session, people: Sequence[Customer], orders: Iterable[int], known: Details) -> None:
    """Erase what the journals say of these people and the records of their orders; in all runs, words
    that name them.
    """
    about: set[int] = set()
    for record in _by_id(session, people, list(orders)):
        record.message = ERASED if record.message else None
        about.add(record.run_id)
    for record in _by_name(session, people):
        record.given, record.message = f"{ERASED} {record.place}", ERASED if record.message else None
        about.add(record.run_id)
    for run in session.scalars(select(Run)):
        words = [_blank_word(word) if _tells(run, word, known, about) else word for word in run.arguments]
        if words != run.arguments:
            run.arguments = words


def _by_id(session: Session, people: Sequence[Customer], orders: list[int]) -> Iterator[RunRecord]:
    yield from _named(session, "customer", "cus", [person.id for person in people])
    for group, prefix, model in _GROUPS:
        theirs = model.id if model is Order else model.order_id
        for some in chunks(orders):
            yield from _named(session, group, prefix, session.scalars(select(model.id).where(theirs.in_(some))).all())


def _named(session: Session, group: str, prefix: str, numbers: Sequence[int]) -> Iterator[RunRecord]:
    of_group = select(RunRecord).join(Run, RunRecord.run_id == Run.id).where(Run.command.startswith(f"{group} "))
    for some in chunks(numbers, 400):  # each in two spellings
        spelled = [text for number in some for text in (ids.show(prefix, number), str(number))]
        yield from session.scalars(of_group.where(RunRecord.given.in_(spelled)))


def _by_name(session: Session, people: Sequence[Customer]) -> Iterator[RunRecord]:
    """The records that a file named by an email or external id; a repeated one ends with a number:
    `a@b.example (2)`.
    """
    names = {name.lower() for person in people for name in (person.email, person.external_id) if name}
    given = func.lower(RunRecord.given)
    for name in sorted(names):
        yield from session.scalars(
            select(RunRecord).where(or_(given == name, given.startswith(f"{name} (", autoescape=True)))
        )


def _tells(run: Run, word: str, known: Details, about: set[int]) -> bool:
    """Whether a word of a command line names the person, or may name them: in a run about them."""
    may = word.startswith(_WORDS) or (word.startswith("--") and run.command.startswith("customer "))
    return (run.id in about and may) or known.named_in(word)


def _blank_word(word: str) -> str:
    option, equals, _ = word.partition("=")
    return f"{option}={ERASED}" if equals and option.startswith("--") else ERASED
