"""A terminal for tests: the installed command on a pseudo-terminal, and what its screen shows."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyte
from pyte.modes import DECAWM
from rich.cells import cell_len

PATIENCE = 60  # seconds
OTHER_SCREEN = 1049


class Strict(pyte.Screen):
    """A screen that notes what is drawn beyond its right edge, and clears for another one."""

    def __init__(self, columns: int, lines: int) -> None:
        super().__init__(columns, lines)
        self.too_wide: list[str] = []

    def draw(self, data: str) -> None:
        if self.cursor.x + cell_len(data) > self.columns:
            self.too_wide.append(data)
        super().draw(data)

    def reset_mode(self, *modes: int, **how: Any) -> None:
        super().reset_mode(*modes, **how)
        if OTHER_SCREEN in modes:
            self.erase_in_display(2)
            self.cursor_position()


class Terminal:
    """`autograder …` in a terminal of this size. Use as a context manager."""

    def __init__(
        self,
        *arguments: str,
        cwd: Path,
        columns: int = 80,
        lines: int = 24,
        program: Sequence[str] = (str(Path(sys.executable).with_name("autograder")),),
    ) -> None:
        self.screen = Strict(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.history: list[str] = []
        command = [*program, *arguments]
        environment = {**os.environ, "TERM": "xterm-256color"}
        self._pid, self._end = pty.fork()
        if self._pid == 0:
            try:
                # Not before the size is known.
                os.read(0, 1)
                os.chdir(cwd)
                os.execve(command[0], command, environment)
            finally:
                os._exit(127)
        self._set_size(columns, lines)
        self.as_it_was = termios.tcgetattr(self._end)
        os.write(self._end, b"\n")

    @property
    def text(self) -> str:
        """What the screen shows, without the blanks that wide characters leave."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    @property
    def is_as_it_was(self) -> bool:
        """Whether the terminal has its settings, its cursor, its wrapping and its own screen again."""
        entered, left = self.raw.rfind(b"\x1b[?1049h"), self.raw.rfind(b"\x1b[?1049l")
        settings = termios.tcgetattr(self._end) == self.as_it_was
        cursor = not self.screen.cursor.hidden and DECAWM in self.screen.mode
        return settings and cursor and 0 <= entered < left

    def until(self, wanted: str | Callable[[str], Any]) -> str:
        """Wait until the screen shows this (a pattern, or what is true of it); returns it all."""
        shows = (lambda text: re.search(wanted, text)) if isinstance(wanted, str) else wanted
        end = time.monotonic() + PATIENCE
        while not shows(self.text):
            if time.monotonic() > end or (not self._take(0.1) and not self._alive()):
                raise AssertionError(f"{wanted!r} does not come up:\n{self.text}")
        return self.text

    def press(self, keys: str) -> None:
        os.write(self._end, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        self.screen.resize(lines, columns)
        self._set_size(columns, lines)

    def signal(self, number: int) -> None:
        os.kill(self._pid, number)

    def status(self) -> int:
        """Wait for its end; returns the exit status."""
        end = time.monotonic() + PATIENCE
        while self._pid and time.monotonic() < end:
            self._take(0.05)
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self._pid = 0
                while self._take(0.05):
                    pass
                return os.waitstatus_to_exitcode(status)
        raise AssertionError(f"it does not end:\n{self.text}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._end)

    def _take(self, seconds: float) -> bool:
        """Take in what is drawn within this time; False if nothing is."""
        if not select.select([self._end], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._end, 1 << 16)
        except OSError:  # Linux' word for the end
            data = b""
        self.raw += data
        self._stream.feed(data)
        self.history.append(self.text)
        return bool(data)

    def _alive(self) -> bool:
        return (
            bool(self._pid)
            and os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        )

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._end, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
