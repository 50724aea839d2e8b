"""What an analyst finds in the notebook's container, hardened as it is when the hub starts it."""

from __future__ import annotations

import json
from typing import Protocol

import pytest
from docker.errors import ContainerError
from sandbox_under_test import POLICIES, made_once

from sandbox.hub import images
from sandbox.hub.docker import hardening
from sandbox.hub.profiles import NOTEBOOK, profiles
from sandbox.policy.load import load_notebooks

SOMEBODY = 300_007
FIGURE = """
import warnings
warnings.simplefilter("error")
import matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt
{setup}
figure, axes = plt.subplots()
axes.plot([-1, 2])
axes.set_title("数据可用不可见", fontweight="bold")
axes.set_xlabel("年龄")
figure.savefig("/tmp/figure.png")
print(open("/tmp/figure.png", "rb").read(4))
"""


class Notebook(Protocol):
    def __call__(self, code: str, *, seccomp: str = "") -> str: ...


@pytest.fixture(scope="module")
def notebook() -> Notebook:
    """Runs code as an analyst's kernel would: own uid, no network, nothing writable but /tmp."""
    client = images.docker_client()
    if client is None:
        pytest.skip("no Docker daemon answers")
    with made_once():
        image = images.make_docker()

    def run(code: str, *, seccomp: str = "") -> str:
        given = hardening(load_notebooks(POLICIES).sizes["small"], runtime="runc")
        if seccomp:
            given["security_opt"] = ["no-new-privileges", f"seccomp={seccomp}"]
        said: bytes = client.containers.run(
            image,
            ["python", "-c", code],
            remove=True,
            user=f"{SOMEBODY}:{SOMEBODY}",
            environment={"MPLCONFIGDIR": "/tmp/matplotlib", "HOME": "/tmp"},  # noqa: S108  # inside
            **given,
        )
        return said.decode()

    return run


@pytest.mark.parametrize(
    "name",
    [
        "jupyterlab",
        "matplotlib.pyplot",
        "pandas",
        "polars",
        "pyarrow.parquet",
        "sandbox.client",
        "seaborn",
        "sklearn.linear_model",
        "statsmodels.api",
    ],
)
def test_every_promised_package_imports(notebook: Notebook, name: str) -> None:
    assert notebook(f"import {name}; print({name}.__name__)") == f"{name}\n"


@pytest.mark.parametrize("setup", ["", "import seaborn; seaborn.set_theme()"])
def test_chinese_labels_are_drawn_without_a_missing_glyph(notebook: Notebook, setup: str) -> None:
    assert "PNG" in notebook(FIGURE.format(setup=setup))


def test_a_missing_glyph_would_have_been_noticed(notebook: Notebook) -> None:
    with pytest.raises(ContainerError, match=r"Glyph .* missing"):
        notebook(FIGURE.format(setup="plt.rcParams['font.family'] = ['DejaVu Sans']"))


def test_frames_of_pandas_and_polars_turn_into_each_other(notebook: Notebook) -> None:
    code = """
import pandas as pd, polars as pl
frame = pd.DataFrame({"区": ["甲", "乙"], "n": [1, 2]})
assert pl.from_pandas(frame).to_pandas().equals(frame)
print("same")
"""
    assert notebook(code) == "same\n"


def test_models_and_regressions_can_be_computed(notebook: Notebook) -> None:
    code = """
import numpy as np, statsmodels.api as sm
from sklearn.linear_model import LinearRegression
x = np.arange(20.0)[:, None]; y = 3 * x[:, 0] + 1
assert abs(LinearRegression().fit(x, y).coef_[0] - 3) < 1e-9
print(round(sm.OLS(y, sm.add_constant(x)).fit().params[1], 6))
"""
    assert notebook(code) == "3.0\n"


def test_a_table_is_mended_with_what_the_client_offers_and_no_link_is_handed_in(notebook: Notebook) -> None:
    code = """
import os, pandas as pd
from sandbox.client import Refused, Session, fixes
from sandbox.client.transport import DOOR, Transport
table = pd.DataFrame({"district": ["Bei", "Dong", "Nan"], "n": [123, 7, 4], "n_max": [9, 9, 9]})
table = fixes.round_counts(fixes.merge_small(fixes.drop_extremes(table), "district", ["n"]), ["n"])
print(table.to_csv(index=False), end="")
os.chdir("/tmp"); os.symlink("/etc/passwd", "n.csv")
try:
    Session(Transport(DOOR), "visits-study").check(["n.csv"])
except Refused as refusal:
    print(refusal.code)
"""
    assert notebook(code) == "district,n\nBei,125\nother,10\nfile-unreadable\n"


def test_no_file_gives_its_user_another_ones_rights(notebook: Notebook) -> None:
    code = """
import subprocess
print(repr(subprocess.run(["find", "/", "-xdev", "-type", "f", "-perm", "/6000"],
                          capture_output=True, text=True).stdout))
"""
    assert notebook(code) == "''\n"


def test_nothing_has_to_be_compiled_where_nothing_can_be_written(notebook: Notebook) -> None:
    code = """
import pathlib, sysconfig
packages = pathlib.Path(sysconfig.get_path("purelib"))
missing = [p for name in ("pandas", "seaborn", "statsmodels") for p in (packages / name).rglob("*.py")
           if not list((p.parent / "__pycache__").glob(p.stem + ".*.pyc"))]
print(missing)
"""
    assert notebook(code) == "[]\n"


KERNEL = """
import socket
from jupyter_client import KernelManager
for family in (socket.AF_INET, socket.AF_INET6):
    try:
        socket.socket(family)
    except OSError as error:
        print(error.strerror)
import os
os.mkdir("/tmp/jupyter")
manager = KernelManager(kernel_name="python3", transport="ipc", connection_file="/tmp/jupyter/kernel-1.json")
manager.start_kernel()
client = manager.client()
client.start_channels()
client.wait_for_ready(timeout=60)
said = []
client.execute_interactive("print(6 * 7)", output_hook=lambda one: said.append(one["content"].get("text")))
print("".join(filter(None, said)).strip())
client.stop_channels()
manager.shutdown_kernel(now=True)
"""


def test_under_the_list_for_pods_no_network_can_be_opened_and_kernels_work(notebook: Notebook) -> None:
    said = notebook(KERNEL, seccomp=json.dumps(profiles()[NOTEBOOK])).splitlines()
    assert said == ["Operation not permitted"] * 2 + ["42"]


def test_under_the_list_for_one_machine_a_socket_can_be_opened(notebook: Notebook) -> None:
    assert notebook("import socket; socket.socket(); print('open')") == "open\n"
