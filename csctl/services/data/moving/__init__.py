"""A whole shop from one database to another: every table that decides about money, with its ids.

`archive` is the directory in between, `values` how a row is written there, `leave` writes it, `arrive` reads it.
"""
