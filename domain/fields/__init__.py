"""A synced field: its values, comparison, merge and Xero's limits."""
