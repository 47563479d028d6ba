"""Attempts: what a submission tried that no answer needs. An audit hook tells; the lockdown refuses.

It tells of what the student's own code does, directly or through the standard library, and not of
what installed packages do. Native code passes it by, and so does whoever sets out to.
"""

import os
import sys
import sysconfig
from collections.abc import Callable
from typing import Any

from autograder.noticed import Noticed, Spot, spot
from autograder.results import Attempt

KINDS = {
    "early": "answered before it was asked",
    "files": "changed files outside its folder",
    "frame": "sent an answer that cannot be read",
    "interpreter": "watched the interpreter",
    "left": "left a process behind",
    "limits": "changed the limits of another process",
    "memory": "searched the memory of its process",
    "native": "called native code",
    "nonsense": "sent an answer that makes no sense",
    "process": "started a process",
    "processes": "looked into processes",
    "program": "ran a program",
    "read": "read outside its folder",
    "signal": "signalled another process",
    "socket": "opened a socket",
    "stack": "looked at the grader's stack",
}

# Parts of the standard library that run programs or open files of their own.
BY_THEMSELVES = ("linecache.py", "mimetypes.py", "platform.py", "tempfile.py", "uuid.py")
OWNERS = (8, 15, 0x8901, 0x8902)  # F_SETOWN, F_SETOWN_EX, FIOSETOWN, SIOCSPGRP
STANDARD = f"{os.path.dirname(os.__file__)}/"

_home: tuple[str, ...] = ()
_readable: tuple[str, ...] = ()
_files: tuple[str, ...] = ()
_new: dict[str, Spot] = {}
_told: set[str] = set()
_busy = False


def watch(home: str, files: tuple[str, ...]) -> None:
    """Notice from here on; once in a process, as an audit hook cannot be removed.

    `home` is the one folder of the submission, `files` are prefixes of the names of its files.
    """
    global _home, _readable, _files
    _home = tuple(f"{folder}/" for folder in {home, os.path.realpath(home)})
    libraries = {sysconfig.get_path(n) for n in ("stdlib", "platstdlib", "purelib", "platlib")}
    libraries |= {sys.prefix, sys.base_prefix, "/usr", "/lib", "/lib64", "/sys/devices/system"}
    libraries |= {"/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/etc/localtime"}
    libraries |= {"/proc/cpuinfo", "/proc/meminfo", os.path.dirname(__file__)}
    _readable = tuple(f"{path.rstrip('/')}/" for path in libraries if path.strip("/"))
    _files = files
    sys.addaudithook(_hook)


def new() -> set[tuple[str, Spot]]:
    """What was noticed since the last time."""
    if hasattr(os, "waitid"):
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            _tell("left", Spot())
        except ChildProcessError:
            pass
    found = set(_new.items())
    _new.clear()
    return found


def found(noticed: Noticed) -> tuple[Attempt, ...]:
    """In words, in their order."""
    known = ((KINDS[kind], s) for kind, s in noticed.attempted.items() if kind in KINDS)
    return tuple(Attempt(what, s.file, s.line) for what, s in sorted(known))


def _tell(kind: str, where: Spot) -> None:
    if kind not in _told:
        _told.add(kind)
        _new[kind] = where


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    global _busy
    kind_of = _EVENTS.get(event)
    if kind_of is None or _busy:
        return
    _busy = True
    try:
        kind = kind_of(*arguments)
        if kind and kind not in _told:
            # Much of the standard library looks at the stack, and nothing comes of it.
            through = _nothing if kind == "stack" else _plumbing
            if where := spot(sys._getframe(1), _files, through):
                _tell(kind, where)
    except Exception:
        pass  # whatever it was, it goes on as without this
    finally:
        _busy = False


def _plumbing(file: str) -> bool:
    """Whether a student's code acts through this file: the standard library, or text that it runs."""
    if file.startswith("<"):
        return not file.startswith("<frozen importlib")  # what a package does when it is imported
    standard = file.startswith(STANDARD) and "-packages/" not in file
    return standard and not file.endswith(BY_THEMSELVES)


def _nothing(file: str) -> bool:
    return False


def _always(kind: str) -> Callable[..., str]:
    return lambda *arguments: kind


def _within(path: Any, folders: tuple[str, ...]) -> bool:
    if path is None or isinstance(path, int):
        return True  # the current folder; a file that is open already
    return f"{os.path.abspath(os.fsdecode(path))}/".startswith(folders)


def _reads(path: Any = None, *_: Any) -> str:
    if _within(path, (*_home, *_readable, "/proc/self/status/", "/proc/self/statm/")):
        return ""
    return "processes" if _within(path, ("/proc/",)) else "read"


def _writes(path: Any, *_: Any) -> str:
    return "" if _within(path, (*_home, "/dev/null/", "/dev/zero/")) else "files"


def _opens(path: Any, mode: Any, flags: Any) -> str:
    writing = flags & (os.O_WRONLY | os.O_RDWR) if isinstance(flags, int) and flags > 0 else 0
    if writing or (isinstance(mode, str) and set(mode) & set("wax+")):
        return "processes" if _within(path, ("/proc/",)) else _writes(path)
    return _reads(path)


def _links(source: Any, target: Any, *_: Any) -> str:
    return _reads(source) or _writes(target)


def _moves(source: Any, target: Any, *_: Any) -> str:
    return _writes(source) or _writes(target)


def _signals(pid: int, *_: Any) -> str:
    return "" if pid == os.getpid() else "signal"


def _controls(descriptor: int, command: int, *_: Any) -> str:
    """Who asks the kernel to send signals says to whom: nobody needs that for itself."""
    return "signal" if command in OWNERS else ""


def _limits(pid: int, *_: Any) -> str:
    return "" if pid in (0, os.getpid()) else "limits"


_EVENTS: dict[str, Callable[..., str]] = {
    "ctypes.dlopen": _always("native"),
    "ctypes.dlsym": _always("native"),
    "ctypes.string_at": _always("native"),
    "fcntl.fcntl": _controls,
    "fcntl.ioctl": _controls,
    "gc.get_objects": _always("memory"),
    "gc.get_referrers": _always("memory"),
    "open": _opens,
    "os.chmod": _writes,
    "os.chown": _writes,
    "os.exec": _always("program"),
    "os.fork": _always("process"),
    "os.forkpty": _always("process"),
    "os.kill": _signals,
    "os.killpg": _signals,
    "os.link": _links,
    "os.listdir": _reads,
    "os.mkdir": _writes,
    "os.posix_spawn": _always("program"),
    "os.remove": _writes,
    "os.rename": _moves,
    "os.rmdir": _writes,
    "os.scandir": _reads,
    "os.setxattr": _writes,
    "os.spawn": _always("program"),
    "os.symlink": _links,
    "os.system": _always("program"),
    "os.truncate": _writes,
    "os.utime": _writes,
    "resource.prlimit": _limits,
    "socket.__new__": _always("socket"),
    "socket.getaddrinfo": _always("socket"),
    "subprocess.Popen": _always("program"),
    "sys._getframe": _always("stack"),  # from one's own frame all others can be reached
    "sys.addaudithook": _always("interpreter"),
    "sys.setprofile": _always("interpreter"),
    "sys.settrace": _always("interpreter"),
}
