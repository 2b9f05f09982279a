"""What a transaction keeps of a gateway's answer, besides its outcome."""

from __future__ import annotations

from csctl.gateways.cleaning import clean, identifier
from csctl.gateways.operations import Answer
from csctl.models import Transaction


def keep(transaction: Transaction, answer: Answer) -> None:
    """Store the texts and ids of an answer. An id that a later answer does not repeat stays."""
    transaction.message, transaction.gateway_code = answer.message, clean(answer.code)
    transaction.gateway_ref = answer.reference or transaction.gateway_ref
    transaction.gateway_request_id = identifier(answer.request_id) or transaction.gateway_request_id
    keep_network_ref(transaction, answer)


def keep_network_ref(transaction: Transaction, answer: Answer) -> None:
    """Store the card network's reference of a charge: later charges of its card name it."""
    transaction.network_ref = transaction.network_ref or identifier(answer.network_ref)
