"""Witnesses: who cosigns the log's checkpoints elsewhere, and how the log asks them (C2SP tlog-witness)."""
