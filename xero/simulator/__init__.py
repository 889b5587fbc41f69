"""The simulator: a server that behaves like Xero, with its limits, errors and delays."""
