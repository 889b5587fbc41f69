"""Guards: which operations may run, and at what cost."""
