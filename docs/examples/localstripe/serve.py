"""A Stripe to try csctl with, on this machine alone: localstripe, and before it what localstripe lacks.

    pip install 'csctl[conformance]' localstripe
    python serve.py PORT FOLDER

It makes customers, cards and sales, and writes them into FOLDER as the files that csctl imports. While FOLDER has a
file `lose`, the answer to the next payment or refund is lost. Each key is an account of its own.

localstripe is free software under the GPL: it runs as a process of its own, and nothing of it is part of csctl.
"""

from __future__ import annotations

import atexit
import csv
import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from csctl.gateways.conformance import Fault, LedgerServer, Request, Response

# On its own it would listen on every interface, and keep its objects in the temporary directory.
_START = """
import sys
from aiohttp import web
import localstripe.resources
localstripe.resources.Store.dump_to_disk = lambda self: None
from localstripe.server import app
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
"""
KEY = "sk_test_walk"
_UNKNOWN_TO_IT = (
    "error_on_requires_action",
    "description",
    "created[gte]",
    "created[lte]",
    "created[lt]",
    "customer",
    "expand[]",
)
Object = dict[str, Any]


class Stripe(LedgerServer):
    """What csctl calls: localstripe's answers, and what they lack."""

    def __init__(self, inner: int, folder: Path, port: int = 0) -> None:
        self._inner, self._folder = inner, folder
        super().__init__(port)

    def writes(self, request: Request) -> bool:
        return request.method == "POST"

    def answer(self, request: Request) -> tuple[Response, Fault | None]:
        lose = self._folder / "lose"
        if self.writes(request) and lose.exists():
            lose.unlink()
            self.fail_next(Fault(cut=0))
        return super().answer(request)

    def carry_out(self, request: Request) -> Response:
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        if request.path == "/v1/account":
            return _json({"object": "account", "id": f"acct_{key.rpartition('_')[2]}"})
        if request.path in ("/v1/disputes", "/v1/events"):
            return _json({"object": "list", "data": [], "has_more": False})
        fields = parse_qsl(request.body.decode()) if self.writes(request) else request.query
        status, shown = self.ask(request.method, request.path, fields, key)
        if "data" in shown:
            customer = dict(request.query).get("customer")
            shown["data"] = [_whole(one) for one in shown["data"] if customer in (None, one.get("customer"))]
        if status == 402:
            shown["error"] |= self._declined(dict(fields), key)
        return _json(_whole(shown), status)

    def ask(self, method: str, path: str, fields: Sequence[tuple[str, str]] = (), key: str = KEY) -> tuple[int, Object]:
        """Ask localstripe."""
        is_list = method == "GET" and path.count("/") == 2
        left_out = _UNKNOWN_TO_IT if is_list else _UNKNOWN_TO_IT[:2]
        text = urlencode([(name, value) for name, value in fields if name not in left_out])
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-www-form-urlencoded"}
        target, body = (f"{path}?{text}", None) if method == "GET" else (path, text)
        with closing(http.client.HTTPConnection("127.0.0.1", self._inner)) as connection:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            found: Object = json.loads(answer.read())
            return answer.status, found

    def make(self, path: str, fields: Mapping[str, str]) -> Object:
        """A new object."""
        status, shown = self.ask("POST", path, list(fields.items()))
        assert status == 200, shown
        return shown

    def _declined(self, fields: Mapping[str, str], key: str) -> Object:
        """The error of a card, with the payment intent that it left."""
        listed = self.ask("GET", "/v1/payment_intents", [("limit", "100")], key)[1]["data"]
        ours = [one for one in listed if one["metadata"].get("csctl_key") == fields.get("metadata[csctl_key]")]
        return {"type": "card_error", "decline_code": "insufficient_funds", "payment_intent": _whole(ours[0])}


def _whole(shown: Object) -> Object:
    """An object with the fields that csctl reads and localstripe does not have."""
    if shown.get("object") == "payment_intent":
        paid = shown["status"] == "succeeded"
        charge = shown["latest_charge"]
        if isinstance(charge, dict):
            charge = {**charge, "amount_captured": charge["amount"] if charge["captured"] else 0, "disputed": False}
        return {**shown, "amount_received": shown["amount"] if paid else 0, "latest_charge": charge}
    return shown


def _json(value: Object, status: int = 200) -> Response:
    return Response(json.dumps(value).encode(), status, {"Content-Type": "application/json"})


# -- a shop


def fill(stripe: Stripe, folder: Path) -> None:
    """Make customers, cards and sales, and write the files that csctl imports."""
    people = {"ada": ("Ada", "Lovelace", "4242424242424242"), "grace": ("Grace", "Hopper", "4000000000000341")}
    customers, methods, orders, sales = [], [], [], []
    for name, (first, last, card) in people.items():
        email = f"{name}@example.com"
        customer = stripe.make("/v1/customers", {"name": f"{first} {last}", "email": email})["id"]
        method = _card(stripe, card, customer)
        customers.append({"external_id": name, "first_name": first, "last_name": last, "email": email})
        token = {"gateway": "main", "token": f"{customer}/{method}", "brand": "visa", "last4": card[-4:]}
        methods.append({"external_id": f"{name}-card", "customer": name, **token})
    customer, method = methods[0]["token"].split("/")
    for number in range(1, 5):
        fields = {"amount": "2000", "currency": "usd", "customer": customer, "payment_method": method}
        intent = stripe.make("/v1/payment_intents", {**fields, "confirm": "true"})["id"]
        orders.append({"external_id": f"order-{number}", "customer": "ada", "currency": "USD"})
        sale = {"external_id": f"sale-{number}", "order": f"order-{number}", "payment_method": "ada-card"}
        sale |= {"kind": "sale", "state": "approved", "amount": "20.00", "currency": "USD"}
        sales.append({**sale, "gateway": "main", "gateway_ref": intent, "settlement": "settled"})
    products = [{"sku": "tea", "name": "Tea", "price": "tea-box", "amount": "12.00", "currency": "USD"}]
    kinds = {"customers": customers, "payment-methods": methods, "products": products}
    for kind, rows in {**kinds, "orders": orders, "transactions": sales}.items():
        with (folder / f"{kind}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


def _card(stripe: Stripe, number: str, customer: str) -> str:
    card = {"card[number]": number, "card[exp_month]": "12", "card[exp_year]": "2040", "card[cvc]": "123"}
    method = stripe.make("/v1/payment_methods", {"type": "card", **card})["id"]
    stripe.make(f"/v1/payment_methods/{method}/attach", {"customer": customer})
    return str(method)


def start_localstripe() -> tuple[subprocess.Popen[bytes], int]:
    """localstripe on a free port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    process = subprocess.Popen([sys.executable, "-c", _START, str(port)], stderr=subprocess.DEVNULL)
    atexit.register(process.kill)
    for _ in range(1200):
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return process, port
        time.sleep(0.05)
    raise SystemExit("localstripe did not start")


def main(port: int, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # `kill` ends localstripe too
    process, inner = start_localstripe()
    with Stripe(inner, folder, port) as stripe:
        fill(stripe, folder)
        print(f"stripe:{KEY}?base={stripe.base}", flush=True)
        process.wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
