"""What may run, and at what cost."""
