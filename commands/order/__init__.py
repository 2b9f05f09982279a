"""csctl order."""

from . import change, look, refund
from .group import order

__all__ = ["change", "look", "order", "refund"]
