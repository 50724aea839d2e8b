"""What runs one statement over a bounded copy: DuckDB, PostgreSQL or Spark SQL, behind one protocol."""
