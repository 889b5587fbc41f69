from tests.domain.conftest import matching_database, world

__all__ = ["matching_database", "world"]
