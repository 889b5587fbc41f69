"""Invoices of the practice, from draft to void, and their way into Xero."""
