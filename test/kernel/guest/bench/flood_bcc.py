"""Counts and decodes events at saturation with BCC. Arguments: ring|perf, C file, seconds. Prints a JSON line."""

import json
import os
import signal
import sys
import time

import bcc_recording
from bcc import BPF

bcc_recording.install("/tmp/recording.jsonl")
kind, path, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
with open(path) as file:
    bpf = BPF(text=file.read())
events = bpf["events"]
total = {"received": 0, "pids": 0}


def take(_first, data, _size):
    event = events.event(data)
    total["received"] += 1
    total["pids"] += event.pid


def lose(_count):
    pass


if kind == "ring":
    events.open_ring_buffer(take)
    poll = bpf.ring_buffer_poll
else:
    events.open_perf_buffer(take, page_cnt=64, lost_cb=lose)
    poll = bpf.perf_buffer_poll


def finish(_signal, _frame):
    took = time.monotonic() - started
    lost = bpf["counts"][1].value
    print(json.dumps({"received": total["received"], "lost": lost, "seconds": took}), flush=True)
    # Out of the callback that this may be in; the probe stays until the flood is over.
    sys.stdin.read()
    os._exit(0)


# Where events come faster than they are taken, a poll never returns: it goes on until the buffer is empty.
signal.signal(signal.SIGALRM, finish)
print(json.dumps({"attached": True}), flush=True)
started = time.monotonic()
signal.setitimer(signal.ITIMER_REAL, seconds)
while True:
    poll(timeout=50)
