"""csctl purchase."""

from . import bill, change, look, stop
from . import trial as trials
from .group import purchase

__all__ = ["bill", "change", "look", "purchase", "stop", "trials"]
