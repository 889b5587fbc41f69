"""The practice's contacts: edits, and the rebuild of their keys."""
