"""Run `autograder …` without what Windows lacks. It is no Windows: paths and the terminal stay as they are.

Every Python that it starts is run by this file as well.
"""

import os
import select
import selectors
import shutil  # as it is: it looks for some of these when it is imported
import signal
import socket
import subprocess
import sys
import tempfile
from typing import Any

LACKING: dict[Any, str] = {
    os: (
        "fork forkpty setsid killpg getuid geteuid getgid waitid set_blocking fchmod "
        "O_DIRECTORY O_NOFOLLOW O_NONBLOCK O_CLOEXEC P_ALL"
    ),
    signal: "SIGHUP SIGWINCH SIGTSTP SIGSTOP SIGCHLD SIGKILL SIGALRM SIGUSR1 pthread_kill alarm",
    socket: "send_fds recv_fds AF_UNIX SCM_RIGHTS",
    select: "poll epoll",
    selectors: "PollSelector EpollSelector",
}
MODULES = "fcntl grp pty pwd resource termios tty"

Popen = subprocess.Popen
KILL = signal.SIGKILL


class SocketsOnly(selectors.SelectSelector):
    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        assert isinstance(fileobj, socket.socket), f"Windows cannot wait for {fileobj}"
        return super().register(fileobj, events, data)


class Started(Popen):  # type: ignore[type-arg]
    def __init__(self, command: list[str], **options: Any) -> None:
        assert "pass_fds" not in options
        if command[0] == sys.executable:
            command = [sys.executable, __file__, *command[1:]]
        super().__init__(command, **options)

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, KILL)


def local_pair(*_: Any) -> tuple[socket.socket, socket.socket]:
    """As on Windows: two sockets of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = socket.create_connection(listener.getsockname())
        return one, listener.accept()[0]


def remove() -> None:
    assert shutil and tempfile
    for module, names in LACKING.items():
        for name in names.split():
            if hasattr(module, name):
                delattr(module, name)
    for name in MODULES.split():
        sys.modules[name] = None  # type: ignore[assignment]
    os.supports_dir_fd = set()
    socket.socketpair = local_pair
    selectors.DefaultSelector = SocketsOnly  # type: ignore[misc, assignment]
    subprocess.Popen = Started  # type: ignore[misc]


if __name__ == "__main__":
    remove()
    if "-c" in sys.argv:
        at = sys.argv.index("-c") + 1
        code, sys.argv = sys.argv[at], ["-c", *sys.argv[at + 1 :]]
        exec(code)
    else:
        from autograder.cli import main

        main()
