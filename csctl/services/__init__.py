"""The verbs: each function carries out one rule, and owns its queries and transactions."""
