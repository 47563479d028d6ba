"""`check --watch`: on every save the affected assignment is checked again, and the screen shows it.

Threads turn what happens (a key, a save, a result, a signal) into events; the loop here takes them
one after the other, and is the only one that changes the view and draws it.
"""

import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Condition, Event, Thread
from typing import TYPE_CHECKING, Any

import watchfiles
from rich.console import Console

from autograder import device
from autograder.course import Assignment, Course
from autograder.errors import UsageError
from autograder.fresh import Fresh
from autograder.language import _
from autograder.own import check_work, find_work, recorded_course, require_code
from autograder.pool import Interrupted, Warm
from autograder.reports.terminal import show_head, show_result
from autograder.reports.watch import Item, View, frame, half_written, steps, to_fix
from autograder.results import Result
from autograder.submission import SOURCES, Work

if TYPE_CHECKING:
    from autograder.fullscreen import Screen

STEP = 10  # milliseconds without another event, after which a save is complete
MOST = 100  # milliseconds that it is waited for that
LOOK_ANYWAY = 1000  # milliseconds; some folders (of a network, of a container) tell of no save


@dataclass(frozen=True)
class Key:
    name: str


@dataclass(frozen=True)
class Saved:
    """Something may have been saved."""


@dataclass(frozen=True)
class Ready:
    """The warm process is, and knows these assignments."""

    assignments: Mapping[str, Assignment]


@dataclass(frozen=True)
class Checked:
    result: Result


@dataclass(frozen=True)
class Failed:
    """A thread ended in this error."""

    error: Exception


@dataclass(frozen=True)
class Signalled:
    number: int


Occurrence = Key | Saved | Ready | Checked | Failed | Signalled
Events = SimpleQueue[Occurrence]


def watch_files(paths: Sequence[Path], wanted: str | None = None) -> bool:
    """Show and check until the student quits. Returns whether all points are reached then.

    Where a process cannot fork, as on Windows, nor is there what a full screen needs: then each
    result is printed anew. Raises UsageError when there is no terminal or nothing to check, and SystemExit for a signal.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM") == "dumb":
        raise UsageError(
            _("--watch needs a terminal to draw on; without one, leave it out to check once.")
        )
    require_code(paths)
    course = recorded_course(paths)
    events: Events = SimpleQueue()
    console = Console(highlight=False)
    if not hasattr(os, "fork"):
        latest = _print_results(paths, course, events, console)
        return bool(latest) and all(result.score == result.max_score for result in latest)
    own = Warm(course.check_files, aliases=course.aliases, lockdown=False)
    with own as warm, _signals(events):
        warm.device = device.choose(warm, wanted or course.settings.device)
        from autograder.fullscreen import Screen  # it cannot be imported on Windows

        with _Checker(warm, course, events) as checker, _saves(paths, events), Screen() as screen:
            Thread(target=_read_keys, args=(screen, events), daemon=True).start()
            loop = _Loop(paths, screen, console, checker)
            while loop.handle(events.get()):
                pass
    found = [loop.view.latest[name] for name in sorted(loop.view.latest)]
    for result in found:
        show_head(Console(highlight=False), result)
    if loop.ended_by:
        sys.exit(128 + loop.ended_by)
    return bool(found) and all(result.score == result.max_score for result in found)


def _print_results(
    paths: Sequence[Path], course: Course, events: Events, console: Console
) -> Sequence[Result]:
    """Check what was saved and print it, until Ctrl-C. Returns the latest results."""
    latest: dict[str, Result] = {}
    before: Mapping[str, Work] = {}
    with suppress(KeyboardInterrupt), Fresh(course.check_files, aliases=course.aliases) as fresh:
        console.print(_("loading torch …"), markup=False)
        assignments = course.described(fresh.summaries)
        works = {work.assignment: work for work in find_work(paths, assignments)}
        with _saves(paths, events):
            while True:
                affected = _affected(before, works)
                if affected:
                    console.clear()
                for name, work in affected.items():
                    latest[name] = check_work(fresh, course, work, assignments[name])
                    show_result(console, latest[name])
                if affected:
                    console.print(_("Save to check again; Ctrl-C ends this."), markup=False)
                before = works
                _await_save(events)
                with suppress(
                    UsageError, OSError
                ):  # gone at this moment: what was there still counts
                    works = {work.assignment: work for work in find_work(paths, assignments)}
                latest = {name: latest[name] for name in works if name in latest}
    return list(latest.values())


def _await_save(events: Events) -> None:
    while True:
        try:
            events.get(timeout=LOOK_ANYWAY / 1000)  # no Ctrl-C ends a longer wait on Windows
            return
        except Empty:
            pass


class _Loop:
    """What is known, what is shown, and what each event changes of both."""

    def __init__(
        self, paths: Sequence[Path], screen: "Screen", console: Console, checker: "_Checker"
    ) -> None:
        self._paths, self._screen, self._console, self._checker = paths, screen, console, checker
        self._works: dict[str, Work] = {}
        self._assignments: Mapping[str, Assignment] = {}
        self._below = 0
        self._drawn: object = None
        self.view = View(status=_("loading torch …"))
        self.ended_by = 0
        self._draw()

    def handle(self, event: Occurrence) -> bool:
        """Take in one event. Returns whether to go on."""
        match event:
            case Key("q") | Signalled(signal.SIGINT):
                return False
            case Key(name):
                self._press(name)
            case Signalled(signal.SIGTSTP):
                self._screen.leave()
                signal.raise_signal(signal.SIGSTOP)
                self._screen.enter()
                self._drawn = None
            case Signalled(signal.SIGWINCH):
                self._show(top=0)
            case Signalled(number):
                self.ended_by = number
                return False
            case Failed(error):
                raise error
            case Ready(assignments):
                self._assignments = assignments
                self._take_up(find_work(self._paths, assignments))
            case Saved() if self._assignments:
                try:
                    self._take_up(find_work(self._paths, self._assignments))
                except (UsageError, OSError):
                    pass  # gone, or not there at this moment: what was there still counts
            case Checked(result):
                self._checked(result)
        self._draw()
        return True

    def _take_up(self, found: Sequence[Work]) -> None:
        """Check what is new in the files."""
        new = {work.assignment: work for work in found}
        affected = _affected(self._works, new)
        if affected:
            self._show(saved=next(iter(affected)) if self._works else "", status=_("checking …"))
            self._checker.check(list(affected.values()))
        self._works = new
        if self.view.latest.keys() - new.keys():
            latest = {name: self.view.latest[name] for name in new if name in self.view.latest}
            item = next(iter(to_fix(latest, self.view.saved)), None)
            self._show(latest=latest, item=item, top=0)

    def _checked(self, result: Result) -> None:
        view, name = self.view, str(result.assignment)
        latest = {**view.latest, name: result}
        items = to_fix(latest, view.saved)
        item = view.item
        if item not in items or name == view.saved != item[0] or not view.saved:
            item = next(iter(items), None)
        same = item == view.item and _state(latest, item) == _state(view.latest, item)
        done = _("checked at {time}").format(time=time.strftime("%H:%M:%S"))
        self._show(
            latest=latest,
            readable=view.readable if half_written(result) else {**view.readable, name: result},
            item=item,
            hints=view.hints if same else 0,
            top=view.top if same else 0,
            status=_("checking …") if self._checker.busy else done,
        )

    def _press(self, key: str) -> None:
        view = self.view
        items = to_fix(view.latest, view.saved)
        if key == "n" and view.item in items:
            item = items[(items.index(view.item) + 1) % len(items)]
            self._show(item=item, hints=0, top=0)
        elif key == "h" and view.item and view.item[1]:
            name, id = view.item
            todo = next(todo for todo in view.latest[name].todos if todo.id == id)
            self._show(hints=(view.hints + 1) % (steps(todo) + 1), top=0)
        elif key == "d":
            self._show(details=not view.details, top=0)
        elif key == " ":
            self._show(top=self._below)

    def _show(self, **changes: Any) -> None:
        self.view = replace(self.view, **changes)

    def _draw(self) -> None:
        size = self._screen.size
        if self._drawn == (self.view, size):
            return
        self._drawn = self.view, size
        self._console.size = size
        drawn = frame(self.view, self._console)
        self._below = drawn.below
        self._screen.show(drawn.lines)


class _Checker:
    """Checks one work after another, in a thread. What is saved meanwhile goes first."""

    def __init__(self, warm: Warm, course: Course, events: Events) -> None:
        self._warm, self._course, self._events = warm, course, events
        self._changed = Condition()
        self._waiting: dict[str, Work] = {}
        self._running: Work | None = None
        self._closed = False
        self._thread = Thread(target=self._run)

    def check(self, found: Sequence[Work]) -> None:
        """Check these before all others; nobody waits for a check of what is old (an endless loop)."""
        with self._changed:
            new = {work.assignment: work for work in found}
            others = {k: v for k, v in self._waiting.items() if k not in new}
            self._waiting = {**new, **others}
            if self._running:
                self._waiting.setdefault(self._running.assignment, self._running)
                self._warm.interrupt()
            self._changed.notify()

    @property
    def busy(self) -> bool:
        return bool(self._waiting or self._running)

    def _run(self) -> None:
        try:
            assignments = self._course.described(self._warm.summaries)
            self._events.put(Ready(assignments))
            while work := self._next():
                name = work.assignment
                try:
                    result = check_work(self._warm, self._course, work, assignments[name])
                except Interrupted:
                    continue
                with self._changed:
                    self._running = None
                    stale = name in self._waiting
                if not stale:
                    self._events.put(Checked(result))
        except Exception as error:
            self._events.put(Failed(error))

    def _next(self) -> Work | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._closed:
                return None
            self._running = self._waiting.pop(next(iter(self._waiting)))
            self._warm.go_on()
            return self._running

    def __enter__(self) -> "_Checker":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._warm.kill()
        self._thread.join()


def _affected(old: Mapping[str, Work], new: Mapping[str, Work]) -> dict[str, Work]:
    """What has to be checked again: works whose own file has changed, then those that may import it."""
    own, helped = {}, {}
    mains = {work.job.main for work in new.values() if work.job}
    for name, work in new.items():
        before = old.get(name)
        if work == before:
            continue
        if not (before and work.job and before.job and work.source == before.source):
            own[name] = work
            continue
        files, others = work.job.files, before.job.files
        changed = {f for f in files.keys() | others.keys() if files.get(f) != others.get(f)}
        text = files[work.job.main]
        if work.job.main in changed:
            own[name] = work
        elif any(f not in mains or _mentions(text, Path(f).stem) for f in changed):
            helped[name] = work
    return own | helped


def _mentions(text: bytes, module: str) -> bool:
    return bool(re.search(rb"\b" + re.escape(module.encode()) + rb"\b", text))


def _state(latest: Mapping[str, Result], item: Item | None) -> object:
    """What the hints to an item hang on."""
    name, id = item or ("", "")
    todos = latest[name].todos if name in latest else ()
    return next(((todo.verdict, todo.diagnosis) for todo in todos if todo.id == id), None)


@contextmanager
def _saves(paths: Sequence[Path], events: Events) -> Iterator[None]:
    """Tell of every save in the folders of these paths (or, without any, in the current one)."""
    folders = {
        folder
        for path in paths or [Path.cwd()]
        for folder in ([path] if path.is_dir() else [path.parent, path.resolve().parent])
    }
    stop = Event()

    def run() -> None:
        try:
            for _changes in watchfiles.watch(
                *folders,
                watch_filter=lambda _change, path: path.lower().endswith(SOURCES),
                debounce=MOST,
                step=STEP,
                rust_timeout=LOOK_ANYWAY,
                yield_on_timeout=True,
                stop_event=stop,
                recursive=False,
            ):
                events.put(Saved())
        except OSError:  # the system lets us watch no more folders: then we look
            while not stop.wait(LOOK_ANYWAY / 1000):
                events.put(Saved())

    thread = Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def _signals(events: Events) -> Iterator[None]:
    """Make events of signals: none of them may end the command while the terminal is not as it was."""
    names = "SIGINT", "SIGTERM", "SIGHUP", "SIGWINCH", "SIGTSTP"
    numbers = [signal.Signals[name] for name in names]
    before = [signal.signal(n, lambda n, _: events.put(Signalled(n))) for n in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _read_keys(screen: "Screen", events: Events) -> None:
    try:
        for key in screen.pressed():
            events.put(Key(key))
    except OSError:
        pass  # as at its end:
    events.put(Signalled(signal.SIGHUP))  # the terminal is gone
