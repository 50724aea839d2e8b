# ruff: noqa: INP001  # Jupyter reads this file by path; it is no module of a package
"""What a notebook's server leaves out.

These are locks of convenience, not a boundary: the person owns this process and may replace it. The
boundary is the missing network and the door; what enters a notebook counts as released to its analyst.
"""

from jupyter_server.serverapp import ServerApp

c = get_config()  # noqa: F821  # Jupyter's configuration loader defines it

# a class attribute, not a setting, in jupyter_server: without these two, no file is sent as a download
ServerApp.default_services = tuple(
    service for service in ServerApp.default_services if service not in {"nbconvert", "view", "shutdown"}
)
c.ContentsManager.files_handler_class = None
c.FileContentsManager.files_handler_class = None

c.ServerApp.terminals_enabled = False
c.ServerApp.jpserver_extensions = {
    "jupyterlab": True,
    "jupyter_lsp": False,
    "jupyter_server_terminals": False,
    "notebook_shim": False,
}
c.LabApp.extension_manager = "readonly"
c.LabApp.news_url = None  # would only wait for a network that is not there
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"

# an idle kernel costs memory others need; a busy one stays
c.MappingKernelManager.cull_idle_timeout = 3 * 60 * 60
c.MappingKernelManager.cull_connected = True
