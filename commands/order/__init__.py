"""csctl order."""

from .look import order

__all__ = ["order"]
