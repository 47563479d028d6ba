"""The terminal as one screen: whole frames go out, single keys come in, and it is given back as it was.

For Linux and macOS. Lines never wrap: one that is too long (as where a terminal draws … or √ two
columns wide) is cut by the terminal and breaks no other.
"""

import contextlib
import os
import termios
import tty
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"  # the other screen, no cursor, no wrapping
LEAVE = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
HOLD, SHOW = "\x1b[?2026h", "\x1b[?2026l"  # what comes between is shown at once
# The same keys of a Korean keyboard that is not switched to English.
HANGUL = str.maketrans("ㅜㅗㅇㅂㅃ", "nhdqq")


class Screen:
    """The terminal on these two descriptors. Use as a context manager."""

    def __init__(self, keyboard: int = 0, display: int = 1) -> None:
        self._keyboard, self._display = keyboard, display
        self._found = termios.tcgetattr(keyboard)
        self._shown: list[str] = []
        self._size = (0, 0)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines, as they are now."""
        columns, lines = os.get_terminal_size(self._display)
        return columns or 80, lines or 24

    def show(self, lines: Sequence[str]) -> None:
        """Show a frame: lines with their colours, as many as the screen has. Only changes are sent."""
        if self._size != self.size:
            self._size, self._shown = self.size, []
        height = self._size[1]
        new = [*lines, *[""] * height][:height]
        old: Sequence[str | None] = self._shown or [None] * height
        changes = [
            f"\x1b[{number};1H\x1b[0m\x1b[2K{line}"
            for number, (line, before) in enumerate(zip(new, old, strict=True), start=1)
            if line != before
        ]
        self._shown = new
        self._write(HOLD + "".join(changes) + SHOW)

    def pressed(self) -> Iterator[str]:
        """Every key that is pressed; of those that send a sequence, like arrows, none."""
        while data := os.read(self._keyboard, 1024):
            text = data.decode("utf-8", "replace")
            if not text.startswith("\x1b"):
                yield from text.lower().translate(HANGUL)

    def enter(self) -> None:
        tty.setcbreak(self._keyboard)
        self._shown = []
        self._write(ENTER)

    def leave(self) -> None:
        with contextlib.suppress(OSError, termios.error):  # the terminal may be gone
            self._write(LEAVE)
            termios.tcsetattr(self._keyboard, termios.TCSAFLUSH, self._found)

    def __enter__(self) -> Self:
        self.enter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave()

    def _write(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        while data:
            data = data[os.write(self._display, data) :]
