"""Lockdown: what a worker gives up before it imports a submission.

The layers, in the order in which they are put on: namespaces of its own, limits, another user,
no privileges, Landlock (which files), seccomp (which system calls). Each is used where it is there;
what they add up to is proven by a canary (`tier.py`), not by this module. Linux only; all of it is
system calls, which no package offers together.
"""

import ctypes
import errno
import glob
import os
import platform
import resource
import signal
import struct
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.limits import DEFAULT

CLONE_VM, CLONE_PIDFD, CLONE_VFORK = 0x00000100, 0x00001000, 0x00004000
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 0x4000, 1 << 18
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_SET_SECCOMP = 1, 4, 8, 22
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
SECCOMP_MODE_FILTER = 2
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_SETGID, CAP_SETUID = 1 << 1, 1 << 2, 1 << 6, 1 << 7
LAST_CAP = 40
CAPABILITY_VERSION_3 = 0x20080522

MOST_FILES, MOST_THREADS, MOST_INODES = 256, 64, 4096
# The first of a range of user ids that belong to nobody, one for each process that may run.
NO_USERS, MOST_PROCESSES = 0x70000000, 2**22


@dataclass(frozen=True)
class Lockdown:
    """What there is to lock a worker down with, found out once, before the first fork."""

    namespaces: bool  # the warm process has its own, so that a worker can mount
    landlock: int  # the kernel's version of it; 0: none
    readable: tuple[str, ...]
    users: range  # of ids that nobody has; empty where the user cannot be changed
    keep: int  # the capability that another user needs to reach the interpreter, if any
    refusals: bytes  # the part of the seccomp filter that is the same for all workers

    @classmethod
    def prepare(cls) -> "Lockdown":
        """Called in the warm process while it is small and has one thread."""
        namespaces = _enter_namespaces()
        landlock = max(_libc.syscall(_LANDLOCK_CREATE, None, 0, _LANDLOCK_VERSION), 0)
        readable = tuple(_readable())
        has = _effective_capabilities()
        users, keep = _users(has), 0
        if not all(_open_to_all(Path(path)) for path in readable):
            # An interpreter in root's home, say. Landlock decides what is read; the capability only
            # lets a worker through the folders above. Without Landlock it would open everything.
            keep = has & CAP_DAC_READ_SEARCH or has & CAP_DAC_OVERRIDE
            users = users if landlock and keep else range(0)
        return cls(namespaces, landlock, readable, users, keep, _refusals(owns_files=not users))

    def apply(self, home: str, *, gpu: bool = False) -> None:
        """Lock down this process, for good. It can write to `home` only, and with `gpu` to the real
        GPUs. Raises OSError."""
        uid = self.users[os.getpid() % len(self.users)] if self.users else 0
        if not (self.namespaces and _private_home(home, uid or os.getuid())) and uid:
            os.chown(home, uid, uid)
        os.umask(0o077)
        os.environ["TMPDIR"] = os.environ["HOME"] = tempfile.tempdir = home
        _limit(resource.RLIMIT_NOFILE, MOST_FILES)
        _limit(resource.RLIMIT_CPU, int(2 * DEFAULT.submission_seconds))
        _limit(resource.RLIMIT_MSGQUEUE, 0)
        _limit(resource.RLIMIT_SIGPENDING, MOST_FILES)  # of timers as well
        if uid:
            _limit(resource.RLIMIT_NPROC, MOST_THREADS)
            _change_user(uid)
        else:
            if self.namespaces:
                _enter_user_namespace()  # where its threads are counted apart from all others
            _limit(resource.RLIMIT_NPROC, _running_tasks() + MOST_THREADS)
        header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
        keep = self.keep if uid else 0
        _check(_libc.capset(header, struct.pack("=6I", keep, keep, 0, 0, 0, 0)))
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # another user id clears it
        _prctl(PR_SET_NO_NEW_PRIVS, 1)
        _prctl(PR_SET_DUMPABLE, 0)
        if self.landlock:
            _landlock(self.landlock, rules(self.landlock, self.readable, home, gpu=gpu))
        _seccomp(self.refusals)


def _enter_namespaces() -> bool:
    """Networks, hosts' names, IPC and mounts of our own, if we may; there is no way back."""
    pid = os.fork()
    if pid == 0:  # tries first, as half a namespace is worse than none
        os._exit(not _entered())
    return os.waitpid(pid, 0)[1] == 0 and _entered()


def _entered() -> bool:
    flags = CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNS
    entered = _libc.unshare(flags) == 0
    if not entered and _enter_user_namespace():  # as an ordinary user does
        entered = _libc.unshare(flags) == 0
    if not entered:
        return False
    # What is mounted in here shall not show outside.
    return bool(_libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None) == 0)


def _enter_user_namespace() -> bool:
    """One in which we are who we were."""
    uid, gid = os.getuid(), os.getgid()
    if _libc.unshare(CLONE_NEWUSER) != 0:
        return False
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    except OSError:
        return False
    return True


def _private_home(home: str, uid: int) -> bool:
    """A file system of its own, in memory, that ends with the worker. False: it may not be."""
    size, mode = DEFAULT.archive + DEFAULT.written_file, f"mode=700,uid={uid},gid={uid}"
    options = f"size={size},nr_inodes={MOST_INODES},{mode}".encode()
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
    own = _libc.unshare(CLONE_NEWNS) == 0
    return own and bool(_libc.mount(b"tmpfs", home.encode(), b"tmpfs", flags, options) == 0)


def _change_user(uid: int) -> None:
    for capability in range(LAST_CAP + 1):
        _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    _prctl(PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def _users(capabilities: int) -> range:
    """User ids that no process has; none where the user cannot be changed."""
    if capabilities & CAP_SETUID and capabilities & CAP_SETGID:
        for line in Path("/proc/self/uid_map").read_text().splitlines():
            first, _, count = map(int, line.split())
            if first <= NO_USERS and first + count > NO_USERS + MOST_PROCESSES:
                return range(NO_USERS, NO_USERS + MOST_PROCESSES)
            if count >= 2**16:  # a container's: its last ones, but for nobody
                return range(first + count - 2 - 2**14, first + count - 2)
    return range(0)


def _effective_capabilities() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _readable() -> list[str]:
    """What code needs to read: the interpreter's libraries, the system's, and this package."""
    paths = {str(Path(__file__).parent), "/etc/ld.so.cache", "/etc/localtime"}
    paths |= {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    for prefix in {sys.prefix, sys.base_prefix, "/usr", "/usr/local", "/"}:
        paths |= {os.path.join(prefix, name) for name in ("lib", "lib64", "pyvenv.cfg")}
    paths |= {"/usr/share/zoneinfo", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu"}
    paths |= {"/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"}
    return sorted(path for path in paths if os.path.exists(path))


def _open_to_all(path: Path) -> bool:
    """Whether any user may reach a path."""
    whole = path.resolve()
    return all(folder.stat().st_mode & 0o001 for folder in whole.parents) and bool(
        whole.stat().st_mode & 0o004
    )


def _limit(kind: int, amount: int) -> None:
    _, hard = resource.getrlimit(kind)
    amount = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
    resource.setrlimit(kind, (amount, amount))


def _running_tasks() -> int:
    """At least as many as count against the limit of this user, and at most `MOST_THREADS` more.

    Only the kernel knows: it counts what other containers run, too, and in a user namespace less than
    one sees. It tells by refusing to start another, so one is asked for that cannot start anyway: the
    kernel looks at the limit before it finds no place for the descriptor. Nothing has to be waited for.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    most = MOST_PROCESSES if hard == resource.RLIM_INFINITY else hard
    stack = ctypes.create_string_buffer(2**14)
    top = ctypes.c_void_p(ctypes.addressof(stack) + len(stack))
    flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | signal.SIGCHLD
    for limit in range(MOST_THREADS, most, MOST_THREADS):
        resource.setrlimit(resource.RLIMIT_NPROC, (limit, hard))
        pid = _libc.clone(_libc._exit, top, flags, None, None)
        if pid > 0:  # a kernel that is too old to write such descriptors
            os.waitpid(pid, 0)
        elif ctypes.get_errno() == errno.EAGAIN:
            continue
        return limit
    return most


def gpu_files() -> tuple[list[str], list[str]]:
    """What CUDA opens: the devices of the GPUs, and what its driver says of itself."""
    return sorted(glob.glob("/dev/nvidia*")), sorted(glob.glob("/proc/driver/nvidia"))


# ---------------------------------------------------------------------------------- Landlock

_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446  # on all architectures
_LANDLOCK_VERSION, _LANDLOCK_PATH_BENEATH = 1, 1
_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
_IOCTL_DEVICE = 1 << 15
_NO_DEVICES_OR_LINKS = (1 << 6) | (1 << 9) | (1 << 10) | (1 << 11) | (1 << 12)
# How many of the rights there are in each version, and of the rights on networks and scopes.
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_LATEST_RIGHTS, _NETWORK_RIGHTS, _SCOPES = 16, 0b11, 0b11


def rules(version: int, readable: Sequence[str], home: str, *, gpu: bool) -> list[tuple[str, int]]:
    """What of the file system is open, path by path, with the rights: what code needs to read, `home`
    to read and write, and the real GPUs where they are asked for. Nothing else is."""
    every = _all_rights(version)
    found = []
    devices, about_them = gpu_files() if gpu else ([], [])
    for path in (*readable, *about_them):
        on_folder = _READ_FILE | _READ_DIR if os.path.isdir(path) else _READ_FILE
        found.append((path, on_folder | (_WRITE_FILE if path == "/dev/null" else 0)))
    for path in devices:
        on_folder = _READ_DIR if os.path.isdir(path) else 0  # /dev/nvidia-caps
        found.append((path, (_READ_FILE | _WRITE_FILE | _IOCTL_DEVICE | on_folder) & every))
    # Everything but what could reach out of it or hang who reads it: devices, pipes, sockets, links.
    found.append((home, every & ~_NO_DEVICES_OR_LINKS & ~1))
    return found


def _all_rights(version: int) -> int:
    return (1 << _RIGHTS.get(version, _LATEST_RIGHTS)) - 1


def _landlock(version: int, opened: Sequence[tuple[str, int]]) -> None:
    """Close all of the file system but this."""
    attributes = struct.pack("=Q", _all_rights(version))
    if version >= 4:
        attributes += struct.pack("=Q", _NETWORK_RIGHTS)
    if version >= 6:
        attributes += struct.pack("=Q", _SCOPES)
    ruleset = _check(_libc.syscall(_LANDLOCK_CREATE, attributes, len(attributes), 0))
    for path, rights in opened:
        _allow(ruleset, path, rights)
    _check(_libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0))
    os.close(ruleset)


def _allow(rules: int, path: str, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("=Qi", rights, descriptor)
        _check(_libc.syscall(_LANDLOCK_ADD, rules, _LANDLOCK_PATH_BENEATH, rule, 0))
    finally:
        os.close(descriptor)


# ----------------------------------------------------------------------------------- seccomp

# Names of system calls with their numbers on (x86-64, arm64); -1: not there. From 424 on they are
# the same on both.
_REFUSED = {
    # other processes, and starting any
    "fork": (57, -1), "vfork": (58, -1), "execve": (59, 221), "execveat": (322, 281),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "kcmp": (312, 272), "pidfd_send_signal": (424, 424), "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438), "process_madvise": (440, 440), "process_mrelease": (448, 448),
    "setpriority": (141, 140), "sched_setscheduler": (144, 119), "sched_setparam": (142, 118),
    "sched_setattr": (314, 274), "ioprio_set": (251, 30), "migrate_pages": (256, 238),
    "move_pages": (279, 239), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "tkill": (200, 130),
    # networks
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200),
    "listen": (50, 201), "accept": (43, 202), "accept4": (288, 242),
    # memory and messages that are shared
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194),
    "shmat": (30, 196), "shmctl": (31, 195), "shmdt": (67, 197), "semget": (64, 190),
    "semop": (65, 193), "semctl": (66, 191), "semtimedop": (220, 192), "msgget": (68, 186),
    "msgsnd": (69, 189), "msgrcv": (70, 188), "msgctl": (71, 187), "mq_open": (240, 180),
    "mq_unlink": (241, 181), "add_key": (248, 217), "request_key": (249, 218),
    "keyctl": (250, 219), "userfaultfd": (323, 282),
    # what Landlock leaves of files: their attributes
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "setxattrat": (463, 463),
    "getxattr": (191, 8), "lgetxattr": (192, 9), "fgetxattr": (193, 10), "getxattrat": (464, 464),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "removexattrat": (466, 466), "file_setattr": (469, 469),
    # files behind the back of Landlock, and watching them
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "open_tree": (428, 428), "open_tree_attr": (467, 467), "move_mount": (429, 429),
    "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "statmount": (457, 457), "listmount": (458, 458), "listns": (470, 470),
    "mount_setattr": (442, 442), "unshare": (272, 97), "setns": (308, 268),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "inotify_init": (253, -1),
    "inotify_init1": (294, 26), "inotify_add_watch": (254, 27), "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263), "quotactl": (179, 60), "quotactl_fd": (443, 443),
    # the machine
    "bpf": (321, 280), "perf_event_open": (298, 241), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "reboot": (169, 142), "swapon": (167, 224),
    "swapoff": (168, 225), "syslog": (103, 116), "acct": (163, 89), "iopl": (172, -1),
    "ioperm": (173, -1), "modify_ldt": (154, -1), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266),
    "sethostname": (170, 161), "setdomainname": (171, 162), "personality": (135, 92),
    "io_setup": (206, 0), "sync": (162, 81), "syncfs": (306, 267),
}  # fmt: skip
# Refused as well to a worker that is still the owner of other files.
_REFUSED_TO_OWNERS = {
    "chmod": (90, -1), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, -1), "lchown": (94, -1), "fchown": (93, 55), "fchownat": (260, 54),
    "truncate": (76, 45), "utime": (132, -1), "utimes": (235, -1), "futimesat": (261, -1),
    "utimensat": (280, 88),
}  # fmt: skip
# As if the kernel did not know them: the C library has another way.
_UNKNOWN = {
    "clone3": (435, 435), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
}  # fmt: skip
_CLONE, _KILL, _TGKILL, _PRLIMIT = (56, 220), (62, 129), (234, 131), (302, 261)
_PRCTL, _SCHED_SETAFFINITY, _FCNTL, _IOCTL = (157, 167), (203, 122), (72, 25), (16, 29)
_CLONE_THREAD = 0x00010000
# What makes the kernel send signals on our behalf: to whom, and which. Landlock stops these signals
# as well, but not in all of its versions.
_F_SETOWN, _F_SETSIG, _F_SETOWN_EX = 8, 10, 15
_FIOSETOWN, _SIOCSPGRP = 0x8901, 0x8902
# Other ways to what is refused above: to watch files, and to set their attributes.
_F_SETLEASE, _F_NOTIFY = 1024, 1026
_SETFLAGS, _FSSETXATTR, _ENABLE_VERITY = 0x40086602, 0x401C5820, 0x40806685
_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
# Offsets in what the filter is shown.
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _SECOND_ARGUMENT = 0, 4, 16, 24
INSTRUCTION = 8  # bytes


def _refusals(*, owns_files: bool) -> bytes:
    """The system calls that no answer needs are refused; b"" on an unknown kind of machine."""
    if platform.machine() not in _ARCHITECTURES:
        return b""
    architecture, column = _ARCHITECTURES[platform.machine()]
    refused = [*_REFUSED.values(), *(_REFUSED_TO_OWNERS.values() if owns_files else ())]
    lines = [
        _instruction(_LOAD, _ARCHITECTURE),
        _instruction(_EQUAL, architecture, 1, 0),
        _instruction(_RETURN, _ERROR | errno.EPERM),
        _instruction(_LOAD, _NUMBER),
        # Numbers with the bit of x32 are another way to call the same.
        _instruction(_AT_LEAST, 0x40000000, 0, 1),
        _instruction(_RETURN, _ERROR | errno.EPERM),
    ]
    for numbers, error in ((refused, errno.EPERM), (_UNKNOWN.values(), errno.ENOSYS)):
        for number in (pair[column] for pair in numbers if pair[column] >= 0):
            lines += _instruction(_EQUAL, number, 0, 1), _instruction(_RETURN, _ERROR | error)
    lines += [
        _but(_FCNTL[column], _F_SETOWN, _F_SETSIG, _F_SETOWN_EX, _F_SETLEASE, _F_NOTIFY),
        _but(_IOCTL[column], _FIOSETOWN, _SIOCSPGRP, _SETFLAGS, _FSSETXATTR, _ENABLE_VERITY),
    ]
    return b"".join(lines)


def _seccomp(refusals: bytes) -> None:
    """Refuse system calls; signals, limits, threads and cores are for this process only."""
    if not refusals:
        return
    _, column = _ARCHITECTURES[platform.machine()]
    itself = _instruction(_EQUAL, os.getpid(), 1, 0)
    program = refusals + b"".join(
        [
            _unless(_CLONE[column], _instruction(_ANY_BIT, _CLONE_THREAD, 1, 0)),
            _unless(_KILL[column], itself),
            _unless(_TGKILL[column], itself),
            _unless(_PRLIMIT[column], _instruction(_EQUAL, 0, 1, 0)),
            _unless(_SCHED_SETAFFINITY[column], _instruction(_EQUAL, 0, 1, 0)),
            # It ends with its parent, whatever it wants.
            _unless(_PRCTL[column], _instruction(_EQUAL, PR_SET_PDEATHSIG, 0, 1)),
            _instruction(_RETURN, _ALLOW),
        ]
    )
    code = ctypes.create_string_buffer(program)
    about = struct.pack("@HP", len(program) // INSTRUCTION, ctypes.addressof(code))
    _check(_libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, about, 0, 0))


def _unless(number: int, test: bytes) -> bytes:
    """Refuse a system call unless its first argument passes a test (which then skips a line)."""
    return b"".join(
        [
            _instruction(_EQUAL, number, 0, 4),
            _instruction(_LOAD, _FIRST_ARGUMENT),
            test,
            _instruction(_RETURN, _ERROR | errno.EPERM),
            _instruction(_RETURN, _ALLOW),
        ]
    )


def _but(number: int, *values: int) -> bytes:
    """Allow a system call but for some values of its second argument."""
    return b"".join(
        [
            _instruction(_EQUAL, number, 0, len(values) + 3),
            _instruction(_LOAD, _SECOND_ARGUMENT),
            *(_instruction(_EQUAL, v, len(values) - i, 0) for i, v in enumerate(values)),
            _instruction(_RETURN, _ALLOW),
            _instruction(_RETURN, _ERROR | errno.EPERM),
        ]
    )


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _prctl(option: int, value: int) -> None:
    _check(_libc.prctl(option, value, 0, 0, 0))


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


_libc = ctypes.CDLL(None, use_errno=True)
