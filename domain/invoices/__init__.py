"""Invoices, from their creation to their void."""
