"""Refunds, voids, and the refund queue."""
