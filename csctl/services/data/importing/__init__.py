"""Import records from CSV and JSONL files.

A row goes through `source` (reading it), `mapping` (which of its columns is which field), `cells` (what its texts
stand for) and the module of its kind, which stores it. `run` does that in batches, and `rejects` keeps
the rows that were refused.
"""
