"""Answers that are lost, broken or strange: never success, never failure, and nothing is sent twice."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, State
from csctl.errors import Misconfigured, Unreachable
from csctl.gateways.conformance.server import Fault, LedgerServer, Request, Response
from csctl.gateways.conformance.world import HttpWorld, Sold
from csctl.gateways.operations import Operation

# What prevents an answer, or makes it invalid. `body=None` is the approval of another operation.
_STATUSES = (201, 202, 204, 400, 404, 408, 409, 421, 424, 425, 500, 502, 503, 504)
BROKEN = {
    "dropped": Fault(cut=0),
    "reset": Fault(reset=True),
    "half": Fault(cut=10),
    "empty": Fault(body=b""),
    "HTML": Fault(body=b"<html><body>Sign in</body></html>"),
    "null": Fault(body=b"null"),
    "a list": Fault(body=b"[]"),
    "another operation": Fault(),
    "not text": Fault(body=b"\xff\xfe\x00"),
    "too long": Fault(body=b" " * (3 << 20)),
    "400 without a body": Fault(status=400, body=b""),
    **{str(status): Fault(status=status) for status in _STATUSES},
}
# Changes of the form of an answer, not of its content.
_READABLE: dict[str, tuple[dict[str, str], Callable[[bytes], bytes]]] = {
    "byte order mark": ({}, lambda body: b"\xef\xbb\xbf" + body.removeprefix(b"\xef\xbb\xbf")),
    "gzip": ({"Content-Encoding": "gzip"}, gzip.compress),
    "chunked": ({"Transfer-Encoding": "chunked"}, lambda body: b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)),
}
_BY_KIND = {Kind.SALE: None, Kind.CAPTURE: Sold.AUTHORIZED, Kind.VOID: None, Kind.REFUND: Sold.SETTLED}


class Answers:
    """Groups B and C."""

    @pytest.mark.parametrize("name", BROKEN)
    def test_a_broken_answer_leaves_every_operation_unknown(self, world: HttpWorld, name: str) -> None:
        fault = BROKEN[name]
        for kind in _BY_KIND:
            for effect in (True, False):
                op = _operation(world, kind)
                moved, sent = _moved(world, op), len(world.ledger.written())
                # Under an error's status the approval is that of this very operation, if it was carried out.
                real = effect and (fault.status or 0) >= 400
                empty = fault.body is None and fault.cut is None and not fault.reset
                body = world.approval if empty and not real else fault.body
                world.ledger.fail_next(replace(fault, effect=effect, body=body))

                answer = world.write(op)

                assert answer.state is State.UNKNOWN, (kind, effect, answer)
                assert len(world.ledger.written()) == sent + 1
                assert _moved(world, op) == (moved + op.amount if effect else moved)

    @pytest.mark.parametrize("name", _READABLE)
    def test_the_form_of_an_answer_changes_nothing_of_what_it_says(self, world: HttpWorld, name: str) -> None:
        headers, change = _READABLE[name]
        refund = world.op(Kind.REFUND, 800, sale=world.sell(2000, Sold.SETTLED))
        world.ledger.fail_next(Fault(change=change, headers=headers))

        assert world.write(refund).state is State.APPROVED

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_a_redirect_is_not_followed(self, world: HttpWorld, status: int) -> None:
        with _elsewhere(world.approval) as elsewhere:
            moved = Fault(effect=False, status=status, headers={"Location": f"{elsewhere.base}/"})
            refund = world.op(Kind.REFUND, 800, sale=world.sell(2000, Sold.SETTLED))
            world.ledger.fail_next(moved)
            assert world.write(refund).state is State.UNKNOWN

            world.ledger.fail_next(moved, times=10, matches=lambda request: True)
            with pytest.raises(Unreachable):
                world.account.find(refund)

            assert elsewhere.wire == []

    def test_an_answer_that_takes_too_long_is_given_up(self, world: HttpWorld) -> None:
        refund = world.op(Kind.REFUND, 800, sale=world.sell(2000, Sold.SETTLED))
        slowly = Fault(change=lambda body: body + b" " * 200, drip=0.02)
        world.ledger.fail_next(slowly)

        assert world.write(refund).state is State.UNKNOWN

    def test_a_refused_connection_is_a_failure_with_nothing_sent(self, world: HttpWorld) -> None:
        operations = [_operation(world, kind) for kind in _BY_KIND]
        world.ledger.close()

        answers = [world.write(op) for op in operations]

        assert {(answer.state, answer.reason) for answer in answers} == {(State.FAILED, Reason.UNREACHABLE)}
        with pytest.raises(Unreachable):
            world.account.find(operations[-1])

    def test_a_gateway_that_is_busy_has_done_nothing(self, world: HttpWorld) -> None:
        for kind in _BY_KIND:
            op = _operation(world, kind)
            moved = _moved(world, op)
            world.ledger.fail_next(Fault(effect=False, status=429, body=b"slow down"))
            answer = world.write(op)
            assert (answer.state, answer.reason) == (State.FAILED, Reason.BUSY)
            assert _moved(world, op) == moved

        world.ledger.fail_next(Fault(effect=False, status=429, headers={"Retry-After": "7"}, body=b""))
        assert world.write(op).retry_after in (None, 7.0)

    def test_a_connection_closed_while_idle_loses_no_question(self, world: HttpWorld) -> None:
        sale = world.sell(2000, Sold.SETTLED)
        world.account.lookup(sale, Kind.SALE)
        world.ledger.close_idle()

        assert world.account.lookup(sale, Kind.SALE).answer.state is State.APPROVED

        world.ledger.close_idle()
        answer = world.write(world.op(Kind.REFUND, 800, sale=sale))
        assert len(world.ledger.written()) <= 1
        assert world.returned(sale) == (800 if answer.state is State.APPROVED else 0)

    def test_strange_answers_decide_nothing(self, world: HttpWorld) -> None:
        for name, fault in world.strange.items():
            world.ledger.fail_next(fault)
            assert world.write(world.op(Kind.SALE)).state is State.UNKNOWN, name

    @pytest.mark.parametrize("name", ["dropped", "half", "empty", "HTML", "null", "500", "503"])
    def test_a_question_without_an_answer_decides_nothing(self, world: HttpWorld, name: str) -> None:
        refund = world.op(Kind.REFUND, 800, sale=world.sell(2000, Sold.SETTLED))
        asked = len(world.ledger.wire)
        world.account.find(refund)
        for number in range(len(world.ledger.wire) - asked):  # each of its requests in turn
            world.ledger.fail_next(replace(BROKEN[name], effect=True), times=9, matches=_after(world, number))
            with pytest.raises((Unreachable, Misconfigured)):
                world.account.find(refund)
            world.ledger.clear_faults()


def _after(world: HttpWorld, number: int) -> Callable[[Request], bool]:
    """Every request but the next `number`."""
    begun = len(world.ledger.wire)
    return lambda request: len(world.ledger.wire) > begun + number


def _operation(world: HttpWorld, kind: Kind) -> Operation:
    if kind is Kind.SALE:
        return world.op(kind)
    state = world.voidable if kind is Kind.VOID else (_BY_KIND[kind] or Sold.SETTLED)
    return world.op(kind, 800 if kind is Kind.REFUND else 2000, sale=world.sell(2000, state))


def _moved(world: HttpWorld, op: Operation) -> int:
    """What the ledger has moved for it, in minor units."""
    if op.kind is Kind.REFUND and op.sale:
        return world.returned(op.sale.reference)
    if op.kind is Kind.VOID and op.sale:
        return op.amount if world.is_voided(op.sale.reference) else 0
    return world.charged()


class _Elsewhere(LedgerServer):
    def __init__(self, body: bytes) -> None:
        self._body = body
        super().__init__()

    def writes(self, request: Request) -> bool:
        return True

    def carry_out(self, request: Request) -> Response:
        return Response(self._body)


@contextmanager
def _elsewhere(body: bytes) -> Iterator[LedgerServer]:
    """Another host, which would approve."""
    with _Elsewhere(body) as server:
        yield server
