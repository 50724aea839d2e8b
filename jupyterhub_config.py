"""The hub's configuration: all of it is in sandbox.hub.config, where it can be tested."""

from sandbox.hub.config import configure
from sandbox.settings import Settings

configure(get_config(), Settings.from_environment())  # noqa: F821  # JupyterHub's loader defines it
