"""What a notebook can see: neither the sandbox's own files nor another person's."""

from __future__ import annotations

from sandbox.hub.running import RunningSandbox

SEARCH = """
import os
found = []
for folder, _, names in os.walk("/", followlinks=False):
    if folder.startswith(("/proc", "/sys", "/dev", "/usr", "/opt/nb")):
        continue
    for name in names:
        path = os.path.join(folder, name)
        try:
            small = os.path.isfile(path) and os.path.getsize(path) < 200_000
            if small and MARK.encode() in open(path, "rb").read():
                found.append(path)
        except OSError:
            pass
print(found)
"""


def test_the_raw_table_is_nowhere_in_the_file_system(running_sandbox: RunningSandbox) -> None:
    mark = (running_sandbox.settings.raw / "visits.csv").read_text().splitlines()[1].rsplit(",", 1)[1]
    # in two pieces, so that the search does not find itself in a history or a log
    code = f"MARK = {mark[:9]!r} + {mark[9:]!r}" + SEARCH
    assert running_sandbox.run_in_notebook("ana", code).text.strip() == "[]"


def test_the_home_of_the_sandbox_is_invisible(running_sandbox: RunningSandbox) -> None:
    home = running_sandbox.settings.home
    assert (home / "hub").is_dir()
    output = running_sandbox.run_in_notebook("ana", f"import os; print(os.path.exists({str(home)!r}))")
    assert output.text.strip() == "False"


def test_no_other_socket_can_be_found(running_sandbox: RunningSandbox) -> None:
    code = """
import os, stat
print(sorted(
    os.path.join(folder, name)
    for folder, _, names in os.walk("/", followlinks=False)
    for name in names
    if not folder.startswith("/proc") and stat.S_ISSOCK(os.lstat(os.path.join(folder, name)).st_mode)
))
"""
    expected = ["/run/door/in/server.sock", "/run/door/out/door.sock"]
    assert running_sandbox.run_in_notebook("ana", code).text.strip() == str(expected)


def test_what_a_person_keeps_is_there_again_and_nobody_elses(running_sandbox: RunningSandbox) -> None:
    running_sandbox.run_in_notebook("cho", "open('/home/analyst/kept.txt', 'w').write('mine')")
    running_sandbox.stop_notebook("cho")
    again = running_sandbox.run_in_notebook("cho", "print(open('/home/analyst/kept.txt').read())")
    other = running_sandbox.run_in_notebook("ben", "print(open('/home/analyst/kept.txt').read())")
    assert again.text.strip() == "mine"
    assert other.error.startswith("FileNotFoundError")


def test_only_home_and_scratch_can_be_written(running_sandbox: RunningSandbox) -> None:
    code = """
import os
def writable(folder):
    try:
        open(os.path.join(folder, "probe"), "w").close()
    except OSError:
        return False
    os.unlink(os.path.join(folder, "probe"))
    return True
folders = ("/", "/opt/nb", "/usr", "/etc", "/run", "/tmp", "/home/analyst")
print([folder for folder in folders if writable(folder)])
"""
    assert running_sandbox.run_in_notebook("ana", code).text.strip() == "['/tmp', '/home/analyst']"


def test_the_door_directory_cannot_fill_the_machine(running_sandbox: RunningSandbox) -> None:
    output = running_sandbox.run_in_notebook("ana", "open('/run/door/in/big', 'wb').write(bytes(50_000_000))")
    assert output.error.startswith("OSError: [Errno 28]")
    running_sandbox.run_in_notebook("ana", "import os; os.unlink('/run/door/in/big')")
