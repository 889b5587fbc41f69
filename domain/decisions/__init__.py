"""Decisions of a person that are never made again automatically."""
