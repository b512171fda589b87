"""What the peers and bpfkit watch: a fixed number of everything. Prints its process id first; the numbers are repeated in
workload.ts.
"""

import ctypes
import os
import socket
import sys

libc = ctypes.CDLL(None, use_errno=True)

STAT, SHMGET, SHMAT, SHMCTL, SHMDT = 4, 29, 30, 31, 67


def child(work):
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    os.waitpid(pid, 0)


def fail(call, *arguments):
    try:
        call(*arguments)
    except OSError:
        return
    raise RuntimeError("no failure")


def execs():
    for number in range(5):
        child(lambda: os.execv("/tmp/busybox", ["true", "number=%d" % number, "two words"]))
    for _ in range(3):
        child(lambda: fail(os.execv, "/tmp/no-program", ["no-program", "word"]))


def exits():
    child(lambda: os._exit(7))
    child(lambda: os.kill(os.getpid(), 9))


def files():
    for _ in range(7):
        os.close(os.open("/tmp/watched", os.O_RDONLY))
    for _ in range(3):
        fail(os.open, "/tmp/not-there", os.O_RDONLY)
    for number in range(4):
        name = "/tmp/short-lived-%d" % number
        descriptor = os.open(name, os.O_CREAT | os.O_WRONLY, 0o600)
        os.write(descriptor, b"x" * 100)
        os.close(descriptor)
        if number < 2:
            os.rename(name, name + "-renamed")
            name += "-renamed"
        os.unlink(name)
    os.mkdir("/tmp/folder")
    os.rmdir("/tmp/folder")
    # The call stat(2) itself: the C library makes newfstatat of it.
    buffer = ctypes.create_string_buffer(256)
    for _ in range(4):
        libc.syscall(STAT, b"/tmp/watched", buffer)
    libc.syscall(STAT, b"/tmp/not-there", buffer)


def mounts():
    for _ in range(2):
        if libc.mount(b"nothing", b"/tmp/mounted", b"tmpfs", 0, b"size=64k") != 0:
            raise OSError(ctypes.get_errno(), "mount")
        libc.umount2(b"/tmp/mounted", 0)
    libc.mount(b"nothing", b"/tmp/not-there", b"tmpfs", 0, None)


def kills():
    for _ in range(3):
        os.kill(os.getpid(), 0)
    fail(os.kill, 99999999, 15)


def shared_memory():
    segment = libc.syscall(SHMGET, 0, 8192, 0o1600)
    libc.syscall.restype = ctypes.c_long
    address = libc.syscall(SHMAT, segment, None, 0)
    libc.syscall(SHMDT, ctypes.c_void_p(address))
    libc.syscall(SHMCTL, segment, 0, None)


def connections(family, host, port, count):
    server = socket.socket(family, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((host, port))
    server.listen(8)
    for number in range(1, count + 1):
        client = socket.socket(family, socket.SOCK_STREAM)
        client.connect((host, port))
        accepted, _ = server.accept()
        client.sendall(b"q" * 100 * number)
        received = 0
        while received < 100 * number:
            received += len(accepted.recv(4096))
        accepted.sendall(b"a" * 50)
        client.recv(4096)
        client.close()
        accepted.recv(1)
        accepted.close()
    server.close()


def network():
    connections(socket.AF_INET, "127.0.0.1", 12345, 5)
    connections(socket.AF_INET6, "::1", 12346, 3)
    for _ in range(2):
        client = socket.socket()
        fail(client.connect, ("127.0.0.1", 1))
        client.close()


def main():
    print(os.getpid(), flush=True)
    os.makedirs("/tmp/mounted", exist_ok=True)
    os.close(os.open("/tmp/watched", os.O_CREAT | os.O_WRONLY, 0o600))
    for work in (execs, exits, files, mounts, kills, shared_memory, network):
        work()
    os.sync()
    os.sync()
    sys.stdout.flush()


main()
