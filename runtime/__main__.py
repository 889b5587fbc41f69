"""`python -m runtime` is `tandem`."""

from runtime.cli import main

main()
