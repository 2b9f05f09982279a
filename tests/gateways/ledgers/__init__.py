"""Pretend gateways for tests: real HTTP on loopback, books that can be compared with csctl's, and faults on command."""
