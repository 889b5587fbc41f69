"""What the practice changed, sent to Xero."""
