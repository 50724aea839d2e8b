"""What the query engine costs and how exact it is on this machine; ``python -m benchmarks --help``."""
