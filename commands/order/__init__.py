"""csctl order."""

from . import change, look, refund, rerun
from .group import order

__all__ = ["change", "look", "order", "refund", "rerun"]
