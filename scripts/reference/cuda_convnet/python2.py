"""Pickles as Python 2's cPickle writes them with protocol 2: byte strings, old-style classes, numpy's arrays."""

import struct

import numpy as np


class OldStyle:
    """An instance of an old-style class: the pickle names module and class, then the attributes."""

    def __init__(self, module, name, /, **attributes):
        self.module, self.name, self.attributes = module, name, attributes


class Class:
    """A class itself, by name."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Writer:
    """Writes one value; lists, dictionaries, arrays and instances that occur again are referred to."""

    def __init__(self):
        self.out, self.memo = bytearray(b"\x80\x02"), {}

    def put(self, key):
        index = len(self.memo)
        self.memo[key] = index
        self.out += b"q" + bytes([index]) if index < 256 else b"r" + struct.pack("<I", index)

    def known(self, key):
        if key not in self.memo:
            return False
        index = self.memo[key]
        self.out += b"h" + bytes([index]) if index < 256 else b"j" + struct.pack("<I", index)
        return True

    def string(self, text):
        data = text if isinstance(text, bytes) else text.encode()
        if len(data) < 256:
            self.out += b"U" + bytes([len(data)]) + data
        else:
            self.out += b"T" + struct.pack("<I", len(data)) + data

    def named(self, module, name):
        if not self.known((module, name)):
            self.out += f"c{module}\n{name}\n".encode()
            self.put((module, name))

    def integer(self, number):
        if 0 <= number < 256:
            self.out += b"K" + bytes([number])
        elif 0 <= number < 65536:
            self.out += b"M" + struct.pack("<H", number)
        else:
            self.out += b"J" + struct.pack("<i", number)

    def array(self, array):
        is_fortran = bool(array.flags.f_contiguous and not array.flags.c_contiguous)
        self.named("numpy.core.multiarray", "_reconstruct")
        self.named("numpy", "ndarray")
        self.out += b"K\x00\x85U\x01b\x87R"
        self.put(id(array))
        self.out += b"(K\x01"
        self.value(tuple(array.shape))
        self.named("numpy", "dtype")
        self.string(array.dtype.str[1:])
        self.out += b"K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        self.value(is_fortran)
        self.string(array.tobytes(order="F" if is_fortran else "C"))
        self.out += b"tb"

    def list(self, items):
        self.out += b"]"
        self.put(id(items))
        if items:
            self.out += b"("
            for item in items:
                self.value(item)
            self.out += b"e"

    def dict(self, items):
        self.out += b"}"
        self.put(id(items))
        self.items(items)

    def items(self, items):
        if items:
            self.out += b"("
            for key, value in items.items():
                self.value(key)
                self.value(value)
            self.out += b"u"

    def value(self, value):
        if value is None:
            self.out += b"N"
        elif value is True or value is False:
            self.out += b"\x88" if value else b"\x89"
        elif isinstance(value, (str, bytes)):
            self.string(value)
        elif isinstance(value, float):
            self.out += b"G" + struct.pack(">d", value)
        elif isinstance(value, int):
            self.integer(value)
        elif isinstance(value, tuple):
            self.out += b"("
            for item in value:
                self.value(item)
            self.out += b"t"
        elif isinstance(value, Class):
            self.named(value.module, value.name)
        elif not self.known(id(value)):
            self.object(value)

    def object(self, value):
        if isinstance(value, np.ndarray):
            self.array(value)
        elif isinstance(value, list):
            self.list(value)
        elif isinstance(value, dict):
            self.dict(value)
        elif isinstance(value, OldStyle):
            self.out += b"("
            self.named(value.module, value.name)
            self.out += b"o"
            self.put(id(value))
            self.dict(value.attributes)
            self.out += b"b"
        else:
            raise TypeError(f"{type(value)} is nothing that cuda-convnet pickles")


def dumps(value):
    """The pickle of a value."""
    writer = Writer()
    writer.value(value)
    return bytes(writer.out) + b"."
