"""csctl purchase."""

from . import bill, change, look, stop, trial
from .group import purchase

__all__ = ["bill", "change", "look", "purchase", "stop", "trial"]
