"""Who asks: tokens."""
