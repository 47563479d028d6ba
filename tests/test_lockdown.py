"""Lockdown: each tier is proven on a machine that gives it, and asked for by the commands."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE, CompletedProcess, Popen, run

import pytest

from autograder.errors import UsageError
from autograder.homes import crowded, remove
from autograder.pool import Job
from autograder.tier import TIERS, prove, require, tier
from tests.conftest import REPOSITORY, Grader

Confined = Callable[..., CompletedProcess[str]]

as_root = pytest.mark.skipif(
    sys.platform != "linux" or os.getuid() != 0, reason="only root can make this machine poorer"
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user can reach and write to, as pytest's own is not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


@pytest.fixture
def confined(folder: Path) -> Confined:
    """Grade a right answer on a machine from which something is taken away."""
    work = folder / "class" / "honest"
    work.mkdir(parents=True)
    (work / "lstm.py").write_text((REPOSITORY / "solutions" / "lstm.py").read_text("utf-8"))

    def call(without: str, *options: str) -> CompletedProcess[str]:
        command = [Path(sys.executable).with_name("autograder"), "grade", "class", "-o", "out"]
        return run(
            [sys.executable, REPOSITORY / "tests" / "confined.py", without, *command, *options],
            cwd=folder,
            env={**os.environ, "COLUMNS": "200", "TMPDIR": str(folder)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return call


@pytest.fixture(scope="module")
def best(grader: Grader) -> str:
    """The tier of this machine as it is."""
    return prove(grader.warm)


@as_root
@pytest.mark.parametrize(
    ("without", "proven"),
    [
        ("nothing", "A"),
        ("root", "A"),  # an ordinary user, in a user namespace
        ("unshare", "B"),  # as in a container
        ("hidden,unshare,landlock", "C"),  # on an older kernel, with an interpreter in /usr
        ("root,unshare", "D"),
    ],
)
def test_a_right_answer_is_right_at_every_tier_and_the_results_say_which(
    confined: Confined, best: str, folder: Path, without: str, proven: str
) -> None:
    if best != "A" and (without != "unshare" or best != "B"):
        pytest.skip(f"this machine gives tier {best} at best, and cannot be made poorer")
    done = confined(without, "--require-tier", proven)
    assert done.returncode == 0, done.stderr
    (line,) = (folder / "out" / "results.jsonl").read_text("utf-8").splitlines()
    result = json.loads(line)
    assert (result["tier"], result["score"]) == (proven, result["max_score"])
    assert {path.name for path in folder.iterdir()} == {"class", "out"}, "nothing is left"


def test_a_folder_that_is_written_to_meanwhile_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "homes" / "home" / "folder").mkdir(parents=True)
    late, remove_folder = ["last", "first"], os.rmdir

    def rmdir(path: str, *, dir_fd: int | None = None) -> None:
        if late:
            os.close(os.open(f"{path}/{late.pop()}", os.O_CREAT, dir_fd=dir_fd))
        remove_folder(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "rmdir", rmdir)
    remove(str(tmp_path / "homes"))
    assert list(tmp_path.iterdir()) == []


REPLACES_ITS_HOME = """
import os
home, victim = os.getcwd(), {victim!r}
os.chdir("/")
for attack in (
    lambda: os.rename(home, home + "-moved"),
    lambda: os.rmdir(home),
    lambda: os.symlink(victim, home),
    lambda: os.symlink(victim, home + "/link"),
    lambda: os.rename(victim, home + "/stolen"),
):
    try:
        attack()
    except OSError as error:
        print(type(error).__name__)
"""


@as_root
@pytest.mark.parametrize("without", ["nothing", "unshare", "hidden,unshare,landlock"])
def test_a_home_is_removed_and_never_what_a_submission_puts_in_its_place(
    confined: Confined, best: str, folder: Path, without: str
) -> None:
    if best != "A":
        pytest.skip(f"this machine gives tier {best} at best, and cannot be made poorer")
    victim = folder / "victim"
    victim.mkdir()
    (victim / "file").write_text("precious")
    work = folder / "class" / "honest" / "lstm.py"
    work.write_text(REPLACES_ITS_HOME.format(victim=str(victim)) + work.read_text("utf-8"))
    done = confined(without)
    assert done.returncode == 0, done.stderr
    assert [file.read_text() for file in victim.iterdir()] == ["precious"]
    assert {path.name for path in folder.iterdir()} == {"class", "out", "victim"}


WRITES_WITHOUT_END = """
import itertools, os
os.makedirs("a/folder")
for number in itertools.count():
    os.close(os.open(f"a/folder/{number}", os.O_CREAT | os.O_WRONLY))
"""


@as_root
@pytest.mark.parametrize("without", ["unshare", "hidden,unshare,landlock", "root,unshare"])
def test_a_submission_that_fills_the_disk_with_files_is_stopped(
    confined: Confined, best: str, folder: Path, without: str
) -> None:
    if best != "A":
        pytest.skip(f"this machine gives tier {best} at best, and cannot be made poorer")
    (folder / "class" / "honest" / "lstm.py").write_text(WRITES_WITHOUT_END)
    done = confined(without)
    assert done.returncode == 0, done.stderr
    (line,) = (folder / "out" / "results.jsonl").read_text("utf-8").splitlines()
    verdicts = {
        (todo["verdict"], todo["checks"][0]["message"]) for todo in json.loads(line)["todos"]
    }
    assert [verdict for verdict, _ in verdicts] == ["error"]
    assert "it wrote more than 4096 files while importing it" in str(verdicts)
    assert {path.name for path in folder.iterdir()} == {"class", "out"}, "nothing is left"


def test_a_home_is_crowded_by_files_and_folders_and_follows_no_link(tmp_path: Path) -> None:
    for name in ("one", "two/three/four"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "two" / "link").symlink_to("/usr")
    assert not crowded(str(tmp_path), most=5)
    assert crowded(str(tmp_path), most=4)
    assert not crowded(str(tmp_path / "gone"), most=4)


@as_root
def test_less_isolation_than_asked_for_is_refused_in_a_sentence(
    confined: Confined, best: str, folder: Path
) -> None:
    if best != "A":
        pytest.skip(f"this machine gives tier {best} at best, and cannot be made poorer")
    done = confined("root,unshare", "--require-tier", "B")
    assert done.returncode == 2
    assert "tier B is asked for, and this machine gives tier D" in done.stderr
    assert not (folder / "out").exists()


@as_root
def test_without_any_isolation_only_who_is_trusted_is_graded(
    confined: Confined, best: str, folder: Path
) -> None:
    if best != "A":
        pytest.skip(f"this machine gives tier {best} at best, and cannot be made poorer")
    done = confined("root,unshare,landlock")
    assert done.returncode == 2
    assert "add --trust if you trust whoever wrote them" in done.stderr
    done = confined("root,unshare,landlock", "--trust")
    assert done.returncode == 0, done.stderr
    assert '"tier": "E"' in (folder / "out" / "results.jsonl").read_text("utf-8")


@as_root
def test_a_lockdown_that_fails_half_way_is_none(
    confined: Confined, best: str, folder: Path
) -> None:
    if best not in "AB":
        pytest.skip(f"this machine gives tier {best} at best, and has no Landlock")
    done = confined("landlock half way", "--trust")
    assert done.returncode == 0, done.stderr
    (line,) = (folder / "out" / "results.jsonl").read_text("utf-8").splitlines()
    result = json.loads(line)
    assert (result["tier"], result["score"]) == ("E", result["max_score"])


FILES = {"reads a file that everyone may read": True, "reads a file of the grader's user": False}
REST = ("reads the judge's environment", "writes outside its home", "writes to shared memory")
NOTHING = dict.fromkeys((*FILES, *REST, "lists a folder", "makes a socket"), False)
ALL = {"another user": True, "its own network": True, "its own home": True}


@pytest.mark.parametrize(
    ("succeeds", "lacks", "proven"),
    [
        ((), (), "A"),
        ((), ("another user",), "A"),
        ((), ("its own network",), "B"),
        ((), ("its own home",), "B"),
        (("reads a file that everyone may read",), (), "C"),
        (("writes outside its home",), (), "C"),
        ((), ("another user", "its own network"), "D"),
        (("lists a folder",), ("another user",), "E"),
        (("makes a socket",), (), "E"),
        (("reads a file of the grader's user",), (), "E"),
        (("reads the judge's environment",), (), "E"),
    ],
)
def test_the_tier_is_what_the_canary_could_not_do(
    succeeds: tuple[str, ...], lacks: tuple[str, ...], proven: str
) -> None:
    tried = NOTHING | dict.fromkeys(succeeds, True)
    assert tier(tried, ALL | dict.fromkeys(lacks, False)) == proven


@pytest.mark.parametrize("least", "ABCD")
@pytest.mark.parametrize("proven", TIERS)
def test_what_is_required_is_the_least(proven: str, least: str) -> None:
    if TIERS.index(proven) <= TIERS.index(least):
        require(proven, least, trust=False)
    else:
        with pytest.raises(UsageError, match=f"tier {least} is asked for"):
            require(proven, least, trust=True)


CALLS = """
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
def refused(name, *arguments):
    failed = getattr(libc, name)(*arguments) == -1 and ctypes.get_errno() == errno.EPERM
    print(name, "refused" if failed else "not refused")
refused("prctl", 1, 0, 0, 0, 0)  # to outlive its parent
refused("setxattr", {path!r}, b"user.note", b"x", 1, 0)
refused("getxattr", {path!r}, b"user.note", ctypes.create_string_buffer(9), 9)
refused("removexattr", {path!r}, b"user.note")
refused("syncfs", 0)
# attributes by another way, of a file of its own, and watching what others do with files
own, flags = os.open("own", os.O_CREAT | os.O_RDONLY), ctypes.byref(ctypes.c_long(0x40))
refused("ioctl", own, 0x40086602, flags)  # FS_IOC_SETFLAGS
refused("ioctl", own, 0x401C5820, bytes(28))  # FS_IOC_FSSETXATTR
refused("ioctl", own, 0x40806685, bytes(128))  # FS_IOC_ENABLE_VERITY
refused("syscall", 467, -100, b"own", 0, None, 0)  # open_tree_attr
refused("syscall", 469, -100, b"own", bytes(24), 24, 0)  # file_setattr
refused("fcntl", own, 1024, 0)  # F_SETLEASE
refused("fcntl", os.open(".", os.O_RDONLY), 1026, 1)  # F_NOTIFY
# to have the kernel send signals
refused("fcntl", 0, 8, os.getppid())  # F_SETOWN
refused("fcntl", 0, 15, (ctypes.c_int * 2)(1, os.getppid()))  # F_SETOWN_EX
refused("fcntl", 0, 10, 9)  # F_SETSIG
refused("ioctl", 0, 0x8901, ctypes.byref(ctypes.c_int(os.getppid())))  # FIOSETOWN
refused("ioctl", 0, 0x8902, ctypes.byref(ctypes.c_int(os.getppid())))  # SIOCSPGRP
# of other processes: any is refused that is named, even the own one
refused("sched_setaffinity", os.getpid(), 8, b"\\x01" + bytes(7))
refused("sched_setscheduler", os.getpid(), 0, bytes(4))
refused("sched_setparam", os.getpid(), bytes(4))
refused("setpriority", 0, os.getpid(), 19)
"""


@as_root
def test_what_landlock_leaves_of_files_and_processes_is_refused(grader: Grader, best: str) -> None:
    if best not in "ABCD":
        pytest.skip(f"this machine gives tier {best}")
    with tempfile.NamedTemporaryFile() as file:
        os.chmod(file.name, 0o666)
        text = CALLS.format(path=file.name.encode())
        worker = grader.warm.worker(Job("lstm", "lstm.py", {"lstm.py": text.encode()}))
        worker.close()
    said = worker.printed.splitlines()
    assert len(said) == 21
    assert [line for line in said if not line.endswith(" refused") or "not" in line] == []


def score(done: CompletedProcess[str], folder: Path) -> float:
    """The mark of the only submission."""
    assert done.returncode == 0, done.stderr
    (line,) = (folder / "out" / "results.jsonl").read_text("utf-8").splitlines()
    return float(json.loads(line)["score"])


ORDINARY = """
import fcntl, os, threading, torch
fcntl.fcntl(0, fcntl.F_SETFD, fcntl.fcntl(0, fcntl.F_GETFD))
fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL))
os.close(fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 10))
os.set_blocking(1, os.get_blocking(1))
os.set_inheritable(0, os.get_inheritable(0))
os.isatty(0)
os.sched_setaffinity(0, os.sched_getaffinity(0))
torch.set_num_threads(4)
torch.ones(500, 500) @ torch.ones(500, 500)
threads = [threading.Thread(target=print, args=("started",)) for _ in range(20)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


@as_root
@pytest.mark.parametrize("without", ["nothing", "root", "unshare", "root,unshare"])
def test_what_answers_may_need_is_not_refused(
    confined: Confined, best: str, folder: Path, without: str
) -> None:
    if best != "A":
        pytest.skip(f"this machine gives tier {best} at best, and cannot be made poorer")
    work = folder / "class" / "honest" / "lstm.py"
    work.write_text(ORDINARY + work.read_text("utf-8"))
    done = confined(without)
    assert score(done, folder) == 6


RUNS_MANY = """
import threading, time
for _ in range(150):
    threading.Thread(target=time.sleep, args=(120,), daemon=True).start()
print("started", flush=True)
time.sleep(120)
"""


@as_root
def test_threads_start_where_the_same_user_runs_many_already(
    confined: Confined, best: str, folder: Path
) -> None:
    if best != "A":
        pytest.skip(f"this machine gives tier {best} at best, and cannot be made poorer")
    work = folder / "class" / "honest" / "lstm.py"
    work.write_text(ORDINARY + work.read_text("utf-8"))
    command = [sys.executable, "tests/confined.py", "root", sys.executable, "-c", RUNS_MANY]
    with Popen(command, cwd=REPOSITORY, stdout=PIPE) as busy:
        assert busy.stdout and busy.stdout.readline()
        done = confined("root,unshare")
        busy.kill()
    assert score(done, folder) == 6


@as_root
@pytest.mark.parametrize("without", ["root,tasks", "root,unshare,tasks"])
def test_threads_without_end_do_not_stop_the_class(
    confined: Confined, best: str, folder: Path, without: str
) -> None:
    if best != "A":
        pytest.skip(f"this machine gives tier {best} at best, and cannot be made poorer")
    honest = folder / "class" / "honest"
    for number in range(3):
        shutil.copytree(honest, folder / "class" / f"honest-{number}")
    attack = REPOSITORY / "tests" / "hostile" / "exhaustion-threads-without-end"
    shutil.copytree(attack, folder / "class" / "attack")  # the first, beside the honest ones
    for shared in ("answers.py", "loot.py"):
        shutil.copy(attack.parent / shared, folder / "class" / "attack")
    done = confined(without, "--jobs", "2")
    assert done.returncode == 0, done.stderr
    lines = (folder / "out" / "results.jsonl").read_text("utf-8").splitlines()
    scores = {result["submission"]: result["score"] for result in map(json.loads, lines)}
    assert scores.pop("attack") <= 6
    assert list(scores.values()) == [6, 6, 6, 6]


LIMITS = """
import json, resource
kinds = ("NOFILE", "CPU", "CORE", "FSIZE", "AS", "NPROC", "MSGQUEUE", "SIGPENDING")
print(json.dumps({kind: resource.getrlimit(getattr(resource, "RLIMIT_" + kind)) for kind in kinds}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="lockdown is for Linux")
def test_every_limit_is_set_for_good(grader: Grader) -> None:
    worker = grader.warm.worker(Job("lstm", "lstm.py", {"lstm.py": LIMITS.encode()}))
    worker.close()
    limits = json.loads(worker.printed)
    assert all(soft == hard >= 0 for soft, hard in limits.values()), limits
    assert limits["CORE"] == limits["MSGQUEUE"] == [0, 0]
