"""The practice's own set-up: workspaces, service types, tax rates."""
