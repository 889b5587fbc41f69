"""Edits of the practice's contacts, and their search keys."""
