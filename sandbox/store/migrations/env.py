"""Run the migrations on the connection that :func:`sandbox.store.engine.migrate` hands over.

The caller's transaction is the transaction of all steps: a process killed half-way leaves the
database as it was.
"""

from __future__ import annotations

from alembic import context

from sandbox.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
