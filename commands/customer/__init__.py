"""csctl customer."""

from . import edit, look
from .group import customer

__all__ = ["customer", "edit", "look"]
