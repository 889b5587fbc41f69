"""The synced fields: values, comparison, merge, and Xero's limits."""
