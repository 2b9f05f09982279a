"""csctl purchase."""

from .change import purchase

__all__ = ["purchase"]
