"""Ids, nodes, loaders, pages."""
