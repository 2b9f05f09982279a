"""csctl txn."""

from . import change, look, reconcile, refund
from .group import txn

__all__ = ["change", "look", "reconcile", "refund", "txn"]
