"""Snapshots of Xero's contacts: read into the mirror and applied to links and issues."""
