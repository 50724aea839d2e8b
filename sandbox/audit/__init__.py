"""What can be proved afterwards: events, the Merkle log, checkpoints, keys, verification."""
