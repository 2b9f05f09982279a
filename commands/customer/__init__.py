"""csctl customer."""

from . import edit, look, payment_method
from .group import customer

__all__ = ["customer", "edit", "look", "payment_method"]
