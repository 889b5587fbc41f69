"""Operations compiled into code that renders rows. `plan` compiles them, `run` executes them. docs/ARCHITECTURE.md explains both."""
