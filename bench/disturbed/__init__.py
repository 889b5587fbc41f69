"""People edit both sides while processes are killed, Redis and PostgreSQL fail, and Xero answers with faults.

`python -m bench.disturbed --seconds 240`, or `make disturb`. The bench imports nothing of Tandem. The package uses GraphQL,
the simulator's control routes, the commands `tandem demo`, `tandem serve` and `tandem worker`, signals, and Redis's socket.
"""
