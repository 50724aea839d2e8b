"""Alembic's scripts; run by :func:`sandbox.store.engine.migrate` only, never by hand."""
