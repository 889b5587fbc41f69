"""Operations compiled into code that renders rows. `plan` compiles them, `run` executes them, `sql` lets PostgreSQL write lists. docs/ARCHITECTURE.md
explains the three."""
