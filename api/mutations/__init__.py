"""Mutations, one group a file."""

from api.schema import enums as enums
