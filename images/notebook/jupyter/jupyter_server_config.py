# ruff: noqa: INP001  # Jupyter reads this file by path; it is no module of a package
"""What a notebook's server leaves out.

These are locks of convenience, not a boundary: the person owns this process and may replace it. The
boundary is the missing network and the door; what enters a notebook counts as released to its analyst.
"""

from jupyter_server._tz import utcnow
from jupyter_server.serverapp import ServerApp
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

c = get_config()  # noqa: F821  # Jupyter's configuration loader defines it

# a class attribute, not a setting, in jupyter_server: without these two, no file is sent as a download
ServerApp.default_services = tuple(
    service for service in ServerApp.default_services if service not in {"nbconvert", "view", "shutdown"}
)
c.ContentsManager.files_handler_class = None
c.FileContentsManager.files_handler_class = None

c.HubOAuth.cache_max_age = 10  # seconds; else a session that the hub ended would live on here for minutes
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


class BusyIsActivity(AsyncMappingKernelManager):
    """Counts a kernel at work as activity, also one that prints nothing for hours."""

    async def cull_kernels(self) -> None:
        """See whether any kernel is at work, then end those that have been idle for too long."""
        if any(getattr(kernel, "execution_state", "") == "busy" for kernel in self._kernels.values()):
            self.last_kernel_activity = utcnow()
        await super().cull_kernels()


# How long a kernel may be idle is said when the server is started; an open page is not somebody at it.
c.ServerApp.kernel_manager_class = BusyIsActivity
c.MappingKernelManager.cull_connected = True
