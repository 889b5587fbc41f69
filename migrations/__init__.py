"""Alembic: the schema of the database, step by step."""
