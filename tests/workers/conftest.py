from tests.workers.linked import clocked, linked

__all__ = ["clocked", "linked"]
