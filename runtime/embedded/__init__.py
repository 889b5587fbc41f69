"""Embedded services: PostgreSQL and Valkey from wheels."""
