"""Test modules that take more than 20 s, the longest first: `make test` begins with them."""

BEGIN_FIRST = (
    "tests/workers/test_invoice_failures.py",
    "tests/promises/test_contact_sync.py",
    "tests/runtime/demo/test_demo.py",
    "tests/promises/test_killed_worker.py",
    "tests/workers/test_importing.py",
    "tests/promises/test_killed_sync.py",
    "tests/promises/test_contact_sync_examples.py",
    "tests/workers/test_actions.py",
    "tests/workers/test_during_scan.py",
    "tests/workers/test_arq_engine.py",
    "tests/promises/test_recipe.py",
    "tests/promises/test_invoice_sync.py",
    "tests/workers/test_batches.py",
    "tests/workers/test_health.py",
    "tests/workers/test_dispatcher.py",
    "tests/workers/test_name_indexes.py",
    "tests/runtime/commands/test_cli.py",
)
