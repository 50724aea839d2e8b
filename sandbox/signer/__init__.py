"""The process that holds the log's key, under its own uid, and signs what can only grow.

Whoever gets into the gateway can read what the gateway reads and write what it writes. They cannot take
the key away from here, and they cannot have a second history signed: the tree is kept here too.
"""
