"""BCC's front end and the rest of BCC on two machines: compiled here, loaded, attached and read there.

BCC's compiler takes half a minute for a program in an emulated machine. What it makes of a text (maps, instructions, types
of events) does not depend on where it runs, given the kernel's headers, so this records it on the host, and in the guest
puts the recording in the place of the compiler: below BCC's Python package, which then loads, attaches and reads as ever.

    bcc_recording.py PROGRAMS.json

PROGRAMS.json: [{name, text, cflags, frontEnd}]; the text of a front end gets BCC's own filter of containers in place of the
corpus's. Prints one JSON line for each: {name, key, output, module}, where output is BCC's
standard error, with debug=4 (DEBUG_PREPROCESSOR) the rewritten text, and module null where BCC fails. BCC_KERNEL_SOURCE
names the headers. The host's kernel is asked for the maps, which BCC creates while it compiles, and for nothing else.
"""

import ctypes as ct
import hashlib
import json
import os
import sys
import tempfile
import types

from bcc.containers import filter_by_containers
from bcc.libbcc import lib

DEBUG_PREPROCESSOR = 4
PERF_EVENT_ARRAY = 4
RINGBUF = 27
# BPF_LD | BPF_IMM | BPF_DW with BPF_PSEUDO_MAP_FD as the source register.
LOAD_MAP = 0x18
PSEUDO_MAP_FD = 1

# Of libbcc, what its Python package does not declare.
lib.bpf_num_tables.argtypes = [ct.c_void_p]
lib.bpf_table_name.argtypes = [ct.c_void_p, ct.c_ulonglong]
lib.bpf_table_name.restype = ct.c_char_p
lib.bpf_table_key_size_id.argtypes = [ct.c_void_p, ct.c_ulonglong]
lib.bpf_table_leaf_size_id.argtypes = [ct.c_void_p, ct.c_ulonglong]
lib.bcc_create_map.argtypes = [ct.c_int, ct.c_char_p] + [ct.c_int] * 4
lib.bcc_prog_load.argtypes = [
    ct.c_int, ct.c_char_p, ct.c_void_p, ct.c_int, ct.c_char_p, ct.c_uint, ct.c_int, ct.c_char_p, ct.c_uint]


def key_of(text, cflags):
    return hashlib.sha256(b"\0".join([text] + cflags)).hexdigest()


def compiled(text, cflags):
    """The module and BCC's standard error."""
    array = (ct.c_char_p * len(cflags))(*cflags)
    with tempfile.TemporaryFile() as captured:
        sys.stderr.flush()
        saved = os.dup(2)
        os.dup2(captured.fileno(), 2)
        try:
            module = lib.bpf_module_create_c_from_string(text, DEBUG_PREPROCESSOR, array, len(cflags), True, None)
        finally:
            os.dup2(saved, 2)
            os.close(saved)
        captured.seek(0)
        return module, captured.read().decode(errors="replace")


def described(module):
    """Everything that BCC's Python package asks a module for."""
    tables = []
    for index in range(lib.bpf_num_tables(module)):
        name = lib.bpf_table_name(module, index)
        kind = lib.bpf_table_type_id(module, index)
        fields = []
        if kind in (PERF_EVENT_ARRAY, RINGBUF):
            count = lib.bpf_perf_event_fields(module, name)
            fields = [lib.bpf_perf_event_field(module, name, at).decode() for at in range(count)]
        tables.append({
            "name": name.decode(),
            "fd": lib.bpf_table_fd(module, name),
            "type": kind,
            "key_size": lib.bpf_table_key_size_id(module, index),
            "leaf_size": lib.bpf_table_leaf_size_id(module, index),
            "key": lib.bpf_table_key_desc(module, name).decode(),
            "leaf": lib.bpf_table_leaf_desc(module, name).decode(),
            "max_entries": lib.bpf_table_max_entries_id(module, index),
            "flags": lib.bpf_table_flags_id(module, index),
            "fields": fields,
        })
    functions = []
    for index in range(lib.bpf_num_functions(module)):
        name = lib.bpf_function_name(module, index)
        code = ct.string_at(lib.bpf_function_start(module, name), lib.bpf_function_size(module, name))
        functions.append({"name": name.decode(), "code": code.hex()})
    return {
        "tables": tables,
        "functions": functions,
        "license": lib.bpf_module_license(module).decode(),
        "version": lib.bpf_module_kern_version(module),
    }


def with_container_filter(text):
    """A tool's text with what bcc.containers puts in front of it, where it has such a filter."""
    end = "return _cgroup_filter() || _mntns_filter();\n}\n"
    if end not in text:
        return text
    options = types.SimpleNamespace(cgroupmap=None, mntnsmap=None)
    return filter_by_containers(options) + text[text.index(end) + len(end):]


def record(path):
    with open(path) as file:
        programs = json.load(file)
    # The C library under BCC prints to standard output, too.
    results = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for program in programs:
        text = program["text"]
        if program.get("frontEnd"):
            text = with_container_filter(text)
        text = text.encode()
        cflags = [flag.encode() for flag in program["cflags"]]
        module, output = compiled(text, cflags)
        found = described(module) if module else None
        if module:
            lib.bpf_module_destroy(module)
        line = {"name": program["name"], "key": key_of(text, cflags), "output": output, "module": found}
        results.write(json.dumps(line) + "\n")
        results.flush()


class Recorded:
    """A module out of a recording, with maps of its own."""

    def __init__(self, module):
        self.license = module["license"].encode()
        self.version = module["version"]
        self.tables = module["tables"]
        self.ids = {table["name"].encode(): index for index, table in enumerate(self.tables)}
        self.fds = [self.create(table) for table in self.tables]
        moved = {table["fd"]: fd for table, fd in zip(self.tables, self.fds)}
        self.names = [function["name"].encode() for function in module["functions"]]
        self.code = {}
        for function in module["functions"]:
            code = ct.create_string_buffer(relocated(bytes.fromhex(function["code"]), moved))
            self.code[function["name"].encode()] = code

    @staticmethod
    def create(table):
        if table["type"] == PERF_EVENT_ARRAY:
            # BCC takes the number of CPUs of the machine that compiles.
            table["max_entries"] = max(table["max_entries"], os.cpu_count())
        fd = lib.bcc_create_map(table["type"], table["name"].encode()[:15], table["key_size"], table["leaf_size"],
                                table["max_entries"], table["flags"])
        if fd < 0:
            raise OSError(ct.get_errno(), "map " + table["name"])
        return fd

    def table(self, name):
        return self.tables[self.ids[name]]


def relocated(code, moved):
    """Instructions with this machine's map descriptors."""
    code = bytearray(code)
    for at in range(0, len(code), 8):
        if code[at] == LOAD_MAP and code[at + 1] >> 4 == PSEUDO_MAP_FD:
            fd = int.from_bytes(code[at + 4:at + 8], "little")
            code[at + 4:at + 8] = moved[fd].to_bytes(4, "little")
    return bytes(code)


def load(module, kind, name, code, _size, license_, version, log_level, *_):
    size = len(module.code[name]) - 1
    return lib.bcc_prog_load(kind, name, code, size, license_, version, log_level, None, 0)


REPLACEMENTS = {
    "bpf_module_destroy": lambda module: None,
    "bpf_module_license": lambda module: module.license,
    "bpf_module_kern_version": lambda module: module.version,
    "bpf_num_functions": lambda module: len(module.names),
    "bpf_function_name": lambda module, index: module.names[index],
    "bpf_function_start": lambda module, name: ct.addressof(module.code[name]) if name in module.code else None,
    "bpf_function_size": lambda module, name: len(module.code[name]) - 1,
    "bcc_func_load": load,
    "bpf_num_tables": lambda module: len(module.tables),
    "bpf_table_name": lambda module, index: module.tables[index]["name"].encode(),
    "bpf_table_id": lambda module, name: module.ids.get(name, 0xffffffffffffffff),
    "bpf_table_fd": lambda module, name: module.fds[module.ids[name]] if name in module.ids else -1,
    "bpf_table_type_id": lambda module, index: module.tables[index]["type"] if index < len(module.tables) else -1,
    "bpf_table_max_entries_id": lambda module, index: module.tables[index]["max_entries"],
    "bpf_table_flags_id": lambda module, index: module.tables[index]["flags"],
    "bpf_table_key_desc": lambda module, name: module.table(name)["key"].encode(),
    "bpf_table_leaf_desc": lambda module, name: module.table(name)["leaf"].encode(),
    "bpf_perf_event_fields": lambda module, name: len(module.table(name)["fields"]),
    "bpf_perf_event_field": lambda module, name, index: module.table(name)["fields"][index].encode(),
}


def install(path):
    """Takes the modules of a recording (lines as `record` prints them); texts that it has not are compiled."""
    modules = {}
    with open(path) as file:
        for line in file:
            recorded = json.loads(line)
            if recorded["module"] is not None:
                modules[recorded["key"]] = recorded["module"]
    compile_here = lib.bpf_module_create_c_from_string

    def create(text, debug, cflags, count, *rest):
        module = modules.get(key_of(text, [cflags[index] for index in range(count)]))
        if module is None:
            sys.stderr.write("BCC compiles %d bytes that no recording has\n" % len(text))
            return compile_here(text, debug, cflags, count, *rest)
        return Recorded(module)

    def choose(real, replacement):
        return lambda module, *rest: (replacement if isinstance(module, Recorded) else real)(module, *rest)

    for name, replacement in REPLACEMENTS.items():
        setattr(lib, name, choose(getattr(lib, name), replacement))
    lib.bpf_module_create_c_from_string = create


if __name__ == "__main__":
    record(sys.argv[1])
