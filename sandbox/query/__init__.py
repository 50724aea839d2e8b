"""What is asked: a closed, frozen algebra, and the only reader of SQL."""
