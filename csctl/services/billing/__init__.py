"""Billing subscriptions: the daily run and by hand."""
