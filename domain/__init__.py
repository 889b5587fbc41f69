"""What is true: tables, rules, and what changes them. Knows no HTTP, no Redis and no Xero wire format."""
