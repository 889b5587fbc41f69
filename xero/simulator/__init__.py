"""A stand-in Xero that behaves as Xero does, down to its limits, errors and lateness."""
