"""OAuth with Xero: consent, callback, pages."""
