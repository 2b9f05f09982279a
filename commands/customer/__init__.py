"""csctl customer."""

from .look import customer

__all__ = ["customer"]
