"""The mapping language: which column of a file becomes which field of which record.

`language` has its parts, `toml` reads them from a mapping file, `options` from the command line, `shipped` finds those
that come with csctl, `header` compares them with a file, and `evaluation` applies them to rows.
"""
