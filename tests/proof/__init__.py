"""Proof under fire: csctl is killed, raced and cut off, and its books are compared with the gateway's."""
