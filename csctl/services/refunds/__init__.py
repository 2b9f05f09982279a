"""Returning money, and the refund queue."""
