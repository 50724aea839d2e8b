"""The only way between a notebook and the rest.

A notebook has no network. It has two directories: ``out``, with a socket on which the door hears it, and
``in``, where its server makes a socket on which it hears the door. Everything that passes is on one of
the two lists in :mod:`sandbox.door.rules`; what is not on them is refused with 403 and noted.

The door is a process of its own, so that neither a restart of the hub nor one of the gateway cuts a
notebook off, and it runs without the hub's rights.
"""
