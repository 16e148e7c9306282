"""What an intruder tries who has become root in a process of a share server. Writes {attempt: "done" | name of the error |
text} as JSON into the file that is named."""

import ctypes
import errno
import fcntl
import json
import os
import socket
import stat
import struct
import subprocess
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
NUMBERS = {
    "x86_64": {"clone": 56, "ptrace": 101, "open_by_handle_at": 304, "name_to_handle_at": 303, "keyctl": 250, "bpf": 321,
               "perf_event_open": 298, "init_module": 175, "userfaultfd": 323, "kexec_load": 246, "quotactl": 179,
               "process_vm_writev": 311, "pivot_root": 155},
    "aarch64": {"clone": 220, "ptrace": 117, "open_by_handle_at": 265, "name_to_handle_at": 264, "keyctl": 219, "bpf": 280,
                "perf_event_open": 241, "init_module": 105, "userfaultfd": 282, "kexec_load": 104, "quotactl": 60,
                "process_vm_writev": 271, "pivot_root": 41},
}[os.uname().machine]  # fmt: skip
NUMBERS |= {"open_tree": 428, "fsopen": 430, "clone3": 435, "io_uring_setup": 425, "pidfd_open": 434, "pidfd_getfd": 438,
            "mount_setattr": 442, "next": 500}  # fmt: skip
NEW_NAMESPACES = {"user": 0x10000000, "mount": 0x20000, "net": 0x40000000, "pid": 0x20000000, "cgroup": 0x2000000}
results = {}


def attempt(name, function):
    try:
        function()
        results[name] = "done"
    except OSError as cause:
        results[name] = errno.errorcode.get(cause.errno, str(cause))


def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result


def call(name, *values):
    return checked(libc.syscall(NUMBERS[name], *[ctypes.c_long(v) if isinstance(v, int) else v for v in values]))


def write(path):
    os.close(os.open(path, os.O_WRONLY))


def create(path):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o700))


def mount(kind, flags=0, source=b"none", target=b"/tmp"):
    checked(libc.mount(source, target, kind, ctypes.c_ulong(flags), None))


def enter(path):
    fd = os.open(path, os.O_RDONLY)
    checked(libc.setns(fd, 0))


def fork_with(flags):
    """A child of clone() would go on here: it ends at once."""
    child = call("clone", flags | 17, 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def handle_of(path):
    """Opens another file of the file system that has the shares by its handle."""
    handle = ctypes.create_string_buffer(136)
    struct.pack_into("=I", handle, 0, 128)
    number = ctypes.c_int()
    if libc.syscall(NUMBERS["name_to_handle_at"], -100, path, handle, ctypes.byref(number), 0) < 0:
        struct.pack_into("=Ii", handle, 0, 8, 1)
    fd = os.open("/shares", os.O_RDONLY)
    call("open_by_handle_at", fd, handle, 0)


def execute_in(directory):
    program = os.path.join(directory, "program")
    with open(program, "wb") as file, open("/usr/bin/true", "rb") as source:
        file.write(source.read())
    os.chmod(program, 0o4755)
    subprocess.run([program], check=True)


def set_flags():
    fd = os.open("/shares", os.O_RDONLY)
    fcntl.ioctl(fd, 0x40086602, struct.pack("l", 0))


def set_project():
    fd = os.open("/shares", os.O_RDONLY)
    fcntl.ioctl(fd, 0x401C5820, bytes(28))


def descriptor_of_first():
    call("pidfd_getfd", call("pidfd_open", 1, 0), 3, 0)


def writable_in_proc():
    """Files of /proc that belong to no process and open for writing."""
    found = []
    for directory, names, files in os.walk("/proc"):
        if directory == "/proc":
            names[:] = [name for name in names if not name.isdigit() and name not in ("self", "thread-self", "net", "mounts")]
        for name in files:
            path = os.path.join(directory, name)
            try:
                status = os.lstat(path)
                if stat.S_ISLNK(status.st_mode) or status.st_rdev == os.makedev(1, 3):
                    continue
                write(path)
                found.append(path)
            except OSError:
                pass
    return found


def unsafe_mounts():
    """Those that can be written to, and run programs or set privileges or devices."""
    found = []
    for line in open("/proc/self/mountinfo", encoding="ascii"):
        point, options = line.split()[4:6]
        have = set(options.split(","))
        if "rw" in have and not point.startswith("/dev/") and not {"nosuid", "nodev", "noexec"} <= have:
            found.append(f"{point} {options}")
    return found


for path in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/1/mem", "/proc/self/exe", "/proc/1/exe"):
    attempt(f"write {path}", lambda: write(path))
for number in range(6):
    attempt(f"open descriptor {number} of pid 1", lambda: write(f"/proc/1/fd/{number}"))
attempt("enter the root of pid 1", lambda: os.listdir("/proc/1/root/"))
for directory in ("/", "/usr", "/etc", "/etc/samba", "/program", "/dev", "/usr/lib/x86_64-linux-gnu"):
    attempt(f"create in {directory}", lambda: create(os.path.join(directory, "planted")))
for kind in (b"devtmpfs", b"sysfs", b"cgroup2", b"cgroup", b"proc", b"tmpfs", b"debugfs", b"securityfs", b"bpf"):
    attempt(f"mount {kind.decode()}", lambda: mount(kind))
attempt("bind mount", lambda: mount(None, 4096, b"/usr", b"/tmp"))
attempt("make /proc/sys writable", lambda: mount(None, 32 | 4096, b"none", b"/proc/sys"))
attempt("make /usr writable", lambda: mount(None, 32 | 4096, b"none", b"/usr"))
attempt("unmount /proc/sys", lambda: checked(libc.umount2(b"/proc/sys", 2)))
attempt("pivot_root", lambda: call("pivot_root", b"/tmp", b"/tmp"))
attempt("open_tree", lambda: call("open_tree", -100, b"/", 1))
attempt("fsopen", lambda: call("fsopen", b"tmpfs", 0))
attempt("mount_setattr", lambda: call("mount_setattr", -100, b"/usr", 0, bytes(32), 32))
attempt("chroot", lambda: os.chroot("/tmp"))
for name, flag in NEW_NAMESPACES.items():
    attempt(f"unshare {name}", lambda: checked(libc.unshare(flag)))
    attempt(f"clone {name}", lambda: fork_with(flag))
attempt("clone3", lambda: call("clone3", 0, 0))
attempt("a call that is not known yet", lambda: call("next"))
attempt("setns", lambda: enter("/proc/self/ns/net"))
attempt("open_by_handle_at", lambda: handle_of(b"/shares"))
attempt("ptrace", lambda: call("ptrace", 16, 1, 0, 0))
attempt("process_vm_writev", lambda: call("process_vm_writev", 1, 0, 0, 0, 0, 0))
attempt("pidfd_getfd", descriptor_of_first)
attempt("keyctl", lambda: call("keyctl", 0, -4, 0))
attempt("bpf", lambda: call("bpf", 0, 0, 0))
attempt("perf_event_open", lambda: call("perf_event_open", 0, 0, -1, -1, 0))
attempt("init_module", lambda: call("init_module", 0, 0, b""))
attempt("userfaultfd", lambda: call("userfaultfd", 0))
attempt("kexec_load", lambda: call("kexec_load", 0, 0, 0, 0))
attempt("quotactl", lambda: call("quotactl", 0, 0, 0, 0))
attempt("io_uring_setup", lambda: call("io_uring_setup", 1, ctypes.create_string_buffer(256)))
attempt("set the host's name", lambda: checked(libc.sethostname(b"x", 1)))
attempt("set the clock", lambda: time.clock_settime(time.CLOCK_REALTIME, time.time()))
attempt("make a block device", lambda: os.mknod("/shares/disk", 0o600 | stat.S_IFBLK, os.makedev(8, 0)))
attempt("make a character device", lambda: os.mknod("/shares/mem", 0o600 | stat.S_IFCHR, os.makedev(1, 1)))
for family in (16, 17, 38, 40):
    kind = socket.SOCK_RAW if family == 17 else socket.SOCK_SEQPACKET if family == 38 else socket.SOCK_STREAM
    if family != 16:
        attempt(f"socket {family}", lambda: socket.socket(family, kind).close())
attempt("raw socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close())
for directory in ("/shares", "/tmp", "/run", "/dev/shm", "/var/lib/samba", "/var/log/samba"):
    attempt(f"run a program in {directory}", lambda: execute_in(directory))
attempt("change the flags of a file", set_flags)
attempt("change the project of a file", set_project)
results["writable in /proc"] = writable_in_proc()
results["mounts"] = unsafe_mounts()
results["control files"] = [
    os.path.join(top, name)
    for top, _, files in os.walk("/")
    if not top.startswith(("/proc", "/usr"))
    for name in files
    if name in ("status.json", "wanted.json", "keeper.lock", "state.json")
]
results["processes"] = [
    open(f"/proc/{name}/cmdline", encoding="utf-8").read().replace("\0", " ") for name in os.listdir("/proc") if name.isdigit()
]
results["status"] = open("/proc/self/status", encoding="ascii").read()
results["open files"] = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if os.path.lexists(f"/proc/self/fd/{fd}")]
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump(results, file)
