"""The mirror: Xero's contacts as last read."""
