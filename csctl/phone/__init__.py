"""Connections to telephone switches."""
