"""A pretend CheckoutChamp: queries by day, errors with HTTP 200, credentials in the body only."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

from csctl.gateways.conformance.server import LedgerServer, Request, Response

LOGIN, PASSWORD = "api-user", "p@ss/w:rd"
_UNKNOWN = "No {}s matching those parameters could be found"


class CheckoutChampLedger(LedgerServer):
    """Rows by kind: customer, order, purchase, transactions. Each has `dateUpdated`."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, list[dict[str, Any]]] = {}

    def add(self, kind: str, updated: str = "2026-01-10 09:00:00", **values: Any) -> dict[str, Any]:
        row = {"dateCreated": updated, "dateUpdated": updated, **values}
        self.rows.setdefault(kind, []).append(row)
        return row

    def writes(self, request: Request) -> bool:
        return not request.path.endswith("/query/")

    def carry_out(self, request: Request) -> Response:
        assert request.method == "POST"
        assert "?" not in request.target
        form = request.form
        if (form.get("loginId"), form.get("password")) != (LOGIN, PASSWORD):
            return _answer("ERROR", "Invalid login credentials")
        kind = request.path.strip("/").split("/")[0]
        found = [row for row in self.rows.get(kind, []) if _within(row["dateUpdated"], form)]
        if not found:
            return _answer("ERROR", _UNKNOWN.format(kind))
        size, page = int(form["resultsPerPage"]), int(form["page"])
        assert size <= 200
        data = found[(page - 1) * size : page * size]
        return _answer("SUCCESS", {"totalResults": len(found), "resultsPerPage": size, "page": page, "data": data})


def _within(updated: str, form: dict[str, str]) -> bool:
    day = datetime.fromisoformat(updated).date()
    return _day(form["startDate"]) <= day <= _day(form["endDate"])


def _day(text: str) -> date:
    month, day, year = map(int, text.split("/"))
    return date(year, month, day)


def _answer(result: str, message: Any) -> Response:
    return Response(json.dumps({"result": result, "message": message}).encode())
