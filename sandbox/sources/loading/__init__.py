"""How raw tables are read and their bounded copy written, for each engine."""
