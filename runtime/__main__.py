"""`python -m runtime` is `tandem`."""

from runtime.commands.cli import main

main()
