"""How the event store came to its tables, version by version (alembic); only forward."""
