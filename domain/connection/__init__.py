"""A connected organisation: health, OAuth grants, call budget, poll schedule."""
