"""What Xero shows, read and applied."""
