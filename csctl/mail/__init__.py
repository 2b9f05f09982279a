"""Emails at the edge: what they say (`rendering`), how they are built (`message`), and how they leave (`delivery`)."""
