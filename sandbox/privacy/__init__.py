"""What a question costs and how its answer gets its noise."""
