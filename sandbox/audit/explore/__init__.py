"""Looking things up in the log: facets with counts, days, and parts of words, at a million entries.

All of it is read from a file of its own beside the state, which follows the log and can be removed and
made again at any time. It proposes places; what is shown, and whether it fits, comes from the leaf.
"""
