"""The types, one noun a file. `enums` comes first: a domain enum has its description before any type names it."""

from api.schema import enums as enums
