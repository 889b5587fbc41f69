"""The types of the schema, one noun a file.

`enums` is imported first, so that each enum of the domain is registered before a type uses it."""

from api.schema import enums as enums
