"""Runs one of BCC's own tools on recorded compilations: bcc_tool.py RECORDING TOOL ARGUMENTS..."""

import runpy
import sys

import bcc_recording

bcc_recording.install(sys.argv[1])
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
