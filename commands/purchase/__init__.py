"""csctl purchase."""

from . import bill, change, look, ownership, stop, trial
from .group import purchase

__all__ = ["bill", "change", "look", "ownership", "purchase", "stop", "trial"]
