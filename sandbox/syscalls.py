"""The list of system calls that what we isolate may use, as the program the kernel runs.

Docker reads ``images/notebook/seccomp.json`` by itself; bubblewrap wants the same list compiled. So there
is one list for all, and libseccomp, which Debian's own package manager needs too, compiles it.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sandbox.errors import StartupRefusal

LIST = Path(__file__).resolve().parents[1] / "images" / "notebook" / "seccomp.json"
ON_ONE_MACHINE = frozenset({socket.AF_UNIX, socket.AF_INET, socket.AF_NETLINK})
"""Families of sockets that a notebook without a network may make: its kernels speak on its own loopback."""
NO_NETWORK = frozenset({socket.AF_UNIX, socket.AF_NETLINK})
"""Families that lead nowhere even where there is a network: libzmq ends its process where it cannot ask for
the list of interfaces, and to change anything through netlink takes rights that nobody here has."""
NO_SOCKETS: frozenset[int] = frozenset()
LIBRARY = "libseccomp.so.2"
_ALLOW = 0x7FFF0000  # seccomp(2): SECCOMP_RET_ALLOW
_ERRNO = 0x00050000  # SECCOMP_RET_ERRNO, the number in the low 16 bits
_EPERM = 1
_UNKNOWN = -1  # __NR_SCMP_ERROR: this machine has no system call of that name
_COMPARE = {"SCMP_CMP_EQ": 4, "SCMP_CMP_MASKED_EQ": 7}  # enum scmp_compare


class _Condition(ctypes.Structure):
    """One condition on an argument: ``struct scmp_arg_cmp``."""

    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("datum_a", ctypes.c_uint64),
        ("datum_b", ctypes.c_uint64),
    )


def profile(families: Collection[int]) -> dict[str, Any]:
    """Return the list as Docker and Kubernetes read it, with sockets of ``families`` only."""
    document: dict[str, Any] = json.loads(LIST.read_text())
    document["syscalls"] = [rule for rule in document["syscalls"] if _family_of(rule) in {None, *families}]
    return document


def _family_of(rule: dict[str, Any]) -> int | None:
    return int(rule["args"][0]["value"]) if rule["names"] == ["socket"] else None


@contextmanager
def system_call_filter(families: Collection[int] = ON_ONE_MACHINE) -> Iterator[int]:
    """Yield a file descriptor from which bubblewrap reads the list compiled, with sockets of ``families``.

    Raises:
        StartupRefusal: it cannot be compiled here; then nothing may run without it.
    """
    library = _library()
    # a descriptor of memory only: nothing can be swapped between writing and reading
    with tempfile.TemporaryFile() as file:
        context = library.seccomp_init(_ERRNO | _EPERM)
        try:
            for rule in profile(families)["syscalls"]:
                _add(library, context, rule)
            _must(library.seccomp_export_bpf(context, file.fileno()))
        finally:
            library.seccomp_release(context)
        file.seek(0)
        yield file.fileno()


def _add(library: ctypes.CDLL, context: int, rule: dict[str, Any]) -> None:
    action = _ALLOW if rule["action"] == "SCMP_ACT_ALLOW" else _ERRNO | rule.get("errnoRet", _EPERM)
    conditions = [_condition(argument) for argument in rule.get("args", [])]
    for name in rule["names"]:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number != _UNKNOWN:
            array = (_Condition * len(conditions))(*conditions)
            _must(library.seccomp_rule_add_array(context, action, number, len(conditions), array))


def _condition(argument: dict[str, Any]) -> _Condition:
    operator = _COMPARE[argument["op"]]
    value, second = argument["value"], argument.get("valueTwo", 0)
    return _Condition(argument["index"], operator, value, second)


def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError as error:
        raise StartupRefusal(
            "The list of system calls cannot be compiled; install Debian's package libseccomp2."
        ) from error
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_release.argtypes = [ctypes.c_void_p]
    library.seccomp_syscall_resolve_name.argtypes = [ctypes.c_char_p]
    library.seccomp_rule_add_array.argtypes = [
        ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(_Condition),
    ]  # fmt: skip
    library.seccomp_export_bpf.argtypes = [ctypes.c_void_p, ctypes.c_int]
    return library


def _must(status: int) -> None:
    if status != 0:
        raise StartupRefusal(f"The list of system calls cannot be compiled: {os.strerror(-status)}.")
