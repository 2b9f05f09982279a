"""Emails to customers and to the shop, and their delivery."""
