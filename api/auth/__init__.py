"""The caller of a request: tokens and people."""
