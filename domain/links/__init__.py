"""Links between practice contacts and Xero contacts."""
