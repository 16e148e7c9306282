"""A client of a Ceph cluster for tests: JSON lines in, JSON lines out.

{"id": 1, "operation": "mount", "arguments": {...}}  ->  {"id": 1, "result": ...}
                                                     or  {"id": 1, "error": {"errno": 13, "name": "EACCES", "text": "..."}}

One process is one mount, or one connection for commands of an administrator. Keys come on standard input and are never
printed. Requests run side by side, so that one that hangs holds up nothing, and the process ends with its input.
No ceph.conf and no keyring is read.
"""

import errno
import json
import os
import sys
import threading

import cephfs
import rados

output_lock = threading.Lock()
state = {}


def configure(connection, monitors, key):
    for name, value in {
        # The lab's monitors speak version 2 only; while the client has another to try, it does not tell of a refused key.
        "mon_host": ",".join("v2:" + monitor for monitor in monitors),
        "key": key,
        "keyring": "/dev/null",
        "log_file": "/dev/null",
        "client_mount_timeout": "6",
        "rados_mon_op_timeout": "0",
        "client_reconnect_stale": "false",
    }.items():
        connection.conf_set(name, value)


def connect(monitors, user, key):
    """Logs in for commands."""
    cluster = rados.Rados(name="client." + user)
    configure(cluster, monitors, key)
    cluster.connect(timeout=6)
    state["cluster"] = cluster
    return cluster.get_fsid()


def command(target, command):
    """Runs a command of the monitors (mon), the manager (mgr) or a metadata server (mds.NAME)."""
    cluster, text = state["cluster"], json.dumps(command)
    if target == "mon":
        code, out, status = cluster.mon_command(text, b"")
    elif target == "mgr":
        code, out, status = cluster.mgr_command(text, b"")
    else:
        if "commands" not in state:
            state["commands"] = cephfs.LibCephFS(rados_inst=cluster)
            state["commands"].init()
        code, out, status = state["commands"].mds_command(target.partition(".")[2], text, b"")
    status = status if isinstance(status, str) else status.decode("utf-8", "replace")
    return {"code": code, "output": out.decode("utf-8", "replace"), "status": status}


def mount(monitors, user, key, root, fileSystem):
    client = cephfs.LibCephFS(auth_id=user)
    configure(client, monitors, key)
    client.mount(mount_root=root.encode(), filesystem_name=fileSystem.encode())
    state["client"] = client


def unmount():
    state.pop("client").shutdown()


def write(path, text=None, size=None):
    """Writes a text, or that many bytes, and has it stored before it answers."""
    client = state["client"]
    data = text.encode() if text is not None else b"x" * size
    handle = client.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o644)
    try:
        written = 0
        while written < len(data):
            written += client.write(handle, data[written : written + 1048576], written)
        client.fsync(handle, 0)
        return written
    finally:
        client.close(handle)


def read(path):
    client = state["client"]
    handle = client.open(path, os.O_RDONLY)
    try:
        parts, offset = [], 0
        while True:
            part = client.read(handle, offset, 1048576)
            if not part:
                return b"".join(parts).decode("utf-8", "replace")
            parts.append(part)
            offset += len(part)
    finally:
        client.close(handle)


def listing(path):
    client = state["client"]
    handle = client.opendir(path)
    try:
        names, entry = [], client.readdir(handle)
        while entry:
            names.append(entry.d_name.decode())
            entry = client.readdir(handle)
        return sorted(set(names) - {".", ".."})
    finally:
        client.closedir(handle)


def mkdir(path):
    state["client"].mkdir(path, 0o755)


def remove(path):
    state["client"].unlink(path)


def quota(path):
    """The limit of a directory in bytes, 0 for none, and what it holds."""
    client = state["client"]
    values = {}
    for name, attribute in {"maxBytes": "ceph.quota.max_bytes", "usedBytes": "ceph.dir.rbytes"}.items():
        try:
            values[name] = int(client.getxattr(path, attribute))
        except cephfs.NoData:
            values[name] = 0
    return values


def size(path):
    """Size of the file system as `df` shows it, in bytes: that of the quota where there is one."""
    values = state["client"].statfs(path)
    unit = values["f_frsize"]
    return {"total": values["f_blocks"] * unit, "available": values["f_bavail"] * unit}


operations = {
    "connect": connect,
    "command": command,
    "mount": mount,
    "unmount": unmount,
    "write": write,
    "read": read,
    "list": listing,
    "mkdir": mkdir,
    "remove": remove,
    "quota": quota,
    "size": size,
}


def answer(request):
    reply = {"id": request["id"]}
    try:
        reply["result"] = operations[request["operation"]](**request["arguments"])
    except Exception as error:
        number = getattr(error, "errno", None)
        # Its own text, which may quote what it was given, is shown only where there is no number.
        text = os.strerror(number) if number else type(error).__name__
        reply["error"] = {"errno": number or errno.EIO, "name": errno.errorcode.get(number, "EIO"), "text": text}
    with output_lock:
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()


for line in sys.stdin:
    threading.Thread(target=answer, args=(json.loads(line),), daemon=True).start()
# Not sys.exit: a call that hangs in the library, or an unmount from a cluster that is gone, must not hold it.
os._exit(0)
