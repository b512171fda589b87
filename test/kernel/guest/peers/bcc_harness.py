"""Runs programs with BCC itself in the guest: loads, attaches, and gives raw events and maps back.

    bcc_harness.py PROGRAMS.json RECORDING

PROGRAMS.json: [{name, text, cflags, attaches}], attaches as extract_corpus.py records them. RECORDING is of
bcc_recording.py. Prints a JSON line
{"ready": NAME, "seconds": S} or {"failed": NAME, "error": E} for each program, then {"attached": COUNT}. Polls until a
line comes on standard input; then prints {"name", "events": {table: [hex]}, "maps": {table: [[key, value]]}, "lost"} for
each program.
"""

import json
import select
import sys
import time

import bcc_recording
from bcc import BPF
from bcc.libbcc import lib

PERF_EVENT_ARRAY = 4
RINGBUF = 27
# Tables whose entries are no values: programs, stacks, cgroups.
OPAQUE = (3, PERF_EVENT_ARRAY, 7, 8, RINGBUF)


def say(**fields):
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def attach(bpf, row):
    kind, function = row["kind"], row["fn_name"]
    if kind in ("kprobe", "kretprobe"):
        place = {key: row[key] for key in ("event", "event_re") if key in row}
        getattr(bpf, "attach_" + kind)(fn_name=function, **place)
    elif kind == "tracepoint":
        bpf.attach_tracepoint(tp=row["tp"], fn_name=function)
    else:
        raise ValueError("attach kind " + kind)


class Observed:
    """One program that is loaded, attached and listened to."""

    def __init__(self, program):
        self.name = program["name"]
        self.events = {}
        self.lost = 0
        self.bpf = BPF(text=program["text"], cflags=program["cflags"])
        for row in program["attaches"]:
            attach(self.bpf, row)
        self.types = {}
        for index in range(lib.bpf_num_tables(self.bpf.module)):
            name = lib.bpf_table_name(self.bpf.module, index).decode()
            self.types[name] = lib.bpf_table_type_id(self.bpf.module, index)
        for name, kind in self.types.items():
            if kind == PERF_EVENT_ARRAY:
                self.listen(name)
        self.has_perf = PERF_EVENT_ARRAY in self.types.values()

    def listen(self, table):
        import ctypes
        taken = self.events.setdefault(table, [])

        def take(_cpu, data, size):
            taken.append(ctypes.string_at(data, size).hex())

        def lose(count):
            self.lost += count

        self.bpf[table].open_perf_buffer(take, page_cnt=64, lost_cb=lose)

    def poll(self, timeout):
        if self.has_perf:
            self.bpf.perf_buffer_poll(timeout=timeout)

    def maps(self):
        found = {}
        for name, kind in self.types.items():
            if kind not in OPAQUE:
                table = self.bpf[name]
                found[name] = [[bytes(key).hex(), bytes(table[key]).hex()] for key in table.keys()]
        return found


def main():
    bcc_recording.install(sys.argv[2])
    with open(sys.argv[1]) as file:
        programs = json.load(file)
    observed = []
    for program in programs:
        started = time.monotonic()
        try:
            observed.append(Observed(program))
            say(ready=program["name"], seconds=time.monotonic() - started)
        except Exception as error:  # pylint: disable=broad-except
            say(failed=program["name"], error=repr(error))
    say(attached=len(observed))
    while not select.select([sys.stdin], [], [], 0)[0]:
        for one in observed:
            one.poll(2)
        if not observed:
            time.sleep(0.05)
    for one in observed:
        one.poll(0)
        say(name=one.name, events=one.events, maps=one.maps(), lost=one.lost)


main()
