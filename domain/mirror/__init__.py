"""Xero's contacts as last seen."""
