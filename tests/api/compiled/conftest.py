from tests.api.schema.conftest import ada, listening, process

__all__ = ["ada", "listening", "process"]
