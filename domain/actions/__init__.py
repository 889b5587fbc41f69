"""Actions of a person on links and contacts."""
