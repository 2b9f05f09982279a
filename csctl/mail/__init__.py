"""Emails: their text (`rendering`), their form (`message`), and how they are sent (`outgoing`, `smtp`, `folder`)."""
