#!/usr/bin/env python3
"""Compiles the CUDA kernels of crates/net/src with NVRTC; no GPU is needed.

    python3 scripts/build/kernels.py [--nvrtc LIBRARY] [--arch compute_80 ...] [--write FILE]

The sources are one translation unit: device/cuda/prelude.cu, then all other .cu files in the order of their
paths, concatenated. compute_* gives PTX; sm_* gives machine code, which
only shows that it compiles. Prints one line per architecture; exit 1 with NVRTC's log on any error
or warning. --write saves the PTX (of the one compute_* named), with a first line that is the SHA-256 of
the source: `// source: <hash>`.

Which drivers load the PTX depends on NVRTC's version: PTX of an older one is loaded by more of them.
Without --nvrtc, the library of a pip package (nvidia-cuda-nvrtc) in the running Python is taken.

Needs Python 3.11 and NVRTC 12 or 13.
"""

import argparse
import ctypes
import hashlib
import site
import sys
import sysconfig
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2] / "crates/net/src"
PRELUDE = SOURCES / "device/cuda/prelude.cu"


def source():
    rest = sorted((path for path in SOURCES.rglob("*.cu") if path != PRELUDE),
                  key=lambda path: path.relative_to(SOURCES).as_posix())
    return b"".join(path.read_bytes() for path in [PRELUDE, *rest])


def library(path):
    if path is None:
        roots = {sysconfig.get_path("purelib"), *site.getsitepackages(), site.getusersitepackages()}
        found = sorted(path for root in roots for path in Path(root).glob("nvidia/*/lib/libnvrtc.so.*"))
        if not found:
            sys.exit("no NVRTC: name its library with --nvrtc, or install the package nvidia-cuda-nvrtc")
        path = found[-1]
    # NVRTC opens this library itself, but does not find it on every system unless it is loaded already.
    for builtins in Path(path).parent.glob("libnvrtc-builtins.so.*"):
        ctypes.CDLL(str(builtins))
    return ctypes.CDLL(str(path))


class Nvrtc:
    def __init__(self, path):
        self.library = library(path)
        self.library.nvrtcGetErrorString.restype = ctypes.c_char_p
        major, minor = ctypes.c_int(), ctypes.c_int()
        self.call("nvrtcVersion", ctypes.byref(major), ctypes.byref(minor))
        self.version = f"{major.value}.{minor.value}"

    def call(self, name, *arguments):
        result = getattr(self.library, name)(*arguments)
        if result != 0:
            sys.exit(f"{name}: {self.library.nvrtcGetErrorString(result).decode()}")

    def text(self, program, what):
        size = ctypes.c_size_t()
        self.call(f"nvrtcGet{what}Size", program, ctypes.byref(size))
        buffer = ctypes.create_string_buffer(size.value)
        self.call(f"nvrtcGet{what}", program, buffer)
        return buffer.raw

    def compile(self, code, architecture):
        """Compiles to machine code or PTX. Returns None after any error or warning."""
        program = ctypes.c_void_p()
        self.call("nvrtcCreateProgram", ctypes.byref(program), code, b"kernels.cu", 0, None, None)
        options = [f"--gpu-architecture={architecture}".encode(), b"--std=c++17"]
        pointers = (ctypes.c_char_p * len(options))(*options)
        result = self.library.nvrtcCompileProgram(program, len(options), pointers)
        log = self.text(program, "ProgramLog").rstrip(b"\0").decode().strip()
        if result != 0 or log:
            print(log or self.library.nvrtcGetErrorString(result).decode(), file=sys.stderr)
            return None
        out = self.text(program, "PTX" if architecture.startswith("compute_") else "CUBIN")
        self.call("nvrtcDestroyProgram", ctypes.byref(program))
        return out


def main():
    parser = argparse.ArgumentParser(description="Compiles the CUDA kernels with NVRTC.")
    parser.add_argument("--nvrtc", help="NVRTC's library")
    parser.add_argument("--arch", nargs="+", default=["compute_80"], help="compute_* or sm_*")
    parser.add_argument("--write", type=Path, metavar="FILE", help="where the PTX goes")
    arguments = parser.parse_args()
    portable = [name for name in arguments.arch if name.startswith("compute_")]
    if arguments.write and len(portable) != 1:
        sys.exit("--write needs exactly one compute_* architecture")

    code = source()
    nvrtc = Nvrtc(arguments.nvrtc)
    outputs = {}
    for architecture in arguments.arch:
        out = nvrtc.compile(code, architecture)
        outputs[architecture] = out
        verdict = "failed" if out is None else f"{len(out)} bytes"
        print(f"{architecture}: {verdict} (NVRTC {nvrtc.version})")
    if None in outputs.values():
        sys.exit(1)
    if arguments.write:
        digest = hashlib.sha256(code).hexdigest()
        ptx = outputs[portable[0]].rstrip(b"\0")
        arguments.write.write_bytes(f"// source: {digest}\n".encode() + ptx)


if __name__ == "__main__":
    main()
