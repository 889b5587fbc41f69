"""Matching, near duplicates and match issues."""
