"""Xero's API: typed payloads, client, OAuth, webhook signature. Knows nothing of Tandem's domain."""
