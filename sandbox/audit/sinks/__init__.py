"""Copies of the log that leave the database while it is written: files, syslog, OCSF.

The log hands over each batch right after its commit and before anything is acknowledged
(:class:`Sinks`). A sink that is ``required`` fails closed; any other raises an alarm and catches up.
"""

from sandbox.audit.sinks.record import Delivered as Delivered
from sandbox.audit.sinks.record import ReadLeaves as ReadLeaves
from sandbox.audit.sinks.record import leaves_of as leaves_of
from sandbox.audit.sinks.sinks import Sinks as Sinks
from sandbox.audit.sinks.sinks import Spec as Spec
from sandbox.audit.sinks.worker import SinkState as SinkState
