"""The state database: tables, engine options that must hold, migrations."""
