"""Run a command on a poorer machine: `python tests/confined.py root,unshare,landlock COMMAND …`.

What is named is taken away first, as by a container, for an ordinary user, or on an older kernel.
Needs root.
"""

import ctypes
import errno
import os
import platform
import resource
import struct
import sys
from pathlib import Path

from autograder import lockdown

CALLS = {  # by name, the system calls with their numbers on (x86-64, arm64), and how they fail
    "unshare": ((272, 97), errno.EPERM),
    "landlock": ((444, 444), errno.ENOSYS),
    "landlock half way": ((446, 446), errno.EPERM),
}
ALLOW = lockdown._instruction(lockdown._RETURN, lockdown._ALLOW)


USER, TASKS = 12345, 400  # nobody's; the most that it may run where there are few
MS_RDONLY, MS_REMOUNT, MS_BIND = 1, 32, 4096


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    names = (name.encode() for name in (source, target, kind))
    lockdown._check(lockdown._libc.mount(*names, flags, options.encode()))


def show_the_interpreter() -> None:
    """Let everyone reach an interpreter that lies in root's home, for this process and its own."""
    prefix = Path(sys.base_prefix)
    closed = [folder for folder in prefix.parents if not folder.stat().st_mode & 1]
    if closed:
        # By its descriptor: there is never a second path to it that something could remove.
        real = os.open(prefix, os.O_PATH)
        mount("tmpfs", str(closed[-1]), "tmpfs", 0, "mode=755")
        prefix.mkdir(parents=True)
        mount(f"/proc/self/fd/{real}", str(prefix), "", MS_BIND)
        mount("none", str(prefix), "", MS_BIND | MS_REMOUNT | MS_RDONLY)
        os.close(real)


def become(uid: int) -> None:
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def main() -> None:
    without, *command = sys.argv[1:]
    names = without.split(",")
    if "hidden" in names or "root" in names:
        lockdown._check(lockdown._libc.unshare(lockdown.CLONE_NEWNS))
        flags = lockdown.MS_REC | lockdown.MS_PRIVATE
        mount("none", "/", "", flags)
        show_the_interpreter()
    if "tasks" in names:
        resource.setrlimit(resource.RLIMIT_NPROC, (TASKS, TASKS))
    if "root" in names:
        become(USER)
    _, column = lockdown._ARCHITECTURES[platform.machine()]
    program = lockdown._instruction(lockdown._LOAD, lockdown._NUMBER)
    for numbers, error in (CALLS[name] for name in names if name in CALLS):
        program += lockdown._instruction(lockdown._EQUAL, numbers[column], 0, 1)
        program += lockdown._instruction(lockdown._RETURN, lockdown._ERROR | error)
    code = ctypes.create_string_buffer(program + ALLOW)
    about = struct.pack("@HP", len(code.raw) // lockdown.INSTRUCTION, ctypes.addressof(code))
    lockdown._prctl(lockdown.PR_SET_NO_NEW_PRIVS, 1)
    lockdown._check(
        lockdown._libc.prctl(lockdown.PR_SET_SECCOMP, lockdown.SECCOMP_MODE_FILTER, about, 0, 0)
    )
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
