"""What a transaction keeps of a gateway's answer, besides its outcome."""

from __future__ import annotations

from csctl.gateways.cleaning import clean, identifier, is_reference
from csctl.gateways.operations import Answer
from csctl.models import Transaction


def keep(transaction: Transaction, answer: Answer) -> None:
    """Store the texts and ids of an answer. An id that a later answer does not repeat, or not readably, stays."""
    transaction.message, transaction.gateway_code = answer.message, clean(answer.code)
    if is_reference(answer.reference or ""):
        transaction.gateway_ref = answer.reference
    transaction.gateway_request_id = identifier(answer.request_id) or transaction.gateway_request_id
    keep_network_ref(transaction, answer)


def keep_network_ref(transaction: Transaction, answer: Answer) -> None:
    """Store the card network's reference of a charge: later charges of its card name it."""
    transaction.network_ref = transaction.network_ref or identifier(answer.network_ref)
