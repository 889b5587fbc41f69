"""Python's garbage collection in the processes that live for long."""

import gc


def spare_imported() -> None:
    """Take all objects that exist now out of garbage collection: the imported modules and the schema live as long as the process. A full
    collection of them stopped an API's event loop for about a second, and a worker's for 100 ms, while edits waited."""
    gc.collect()
    gc.freeze()
