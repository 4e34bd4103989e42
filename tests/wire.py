"""Protobuf fields and snappy blocks for tests, by hand."""
import struct


def varint(n):
    out = b""
    while n >= 0x80:
        out, n = out + bytes([n & 0x7F | 0x80]), n >> 7
    return out + bytes([n])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def unsnappy(data):
    def number(at):
        shift = out = 0
        while True:
            b = data[at]
            at, out, shift = at + 1, out | (b & 0x7F) << shift, shift + 7
            if b < 0x80:
                return out, at
    size, at = number(0)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        if tag & 3 == 0:
            n = tag >> 2
            if n >= 60:
                extra = n - 59
                n = int.from_bytes(data[at:at + extra], "little")
                at += extra
            out += data[at:at + n + 1]
            at += n + 1
            continue
        if tag & 3 == 1:
            length, offset = (tag >> 2 & 7) + 4, (tag >> 5) << 8 | data[at]
            at += 1
        else:
            width = 2 if tag & 3 == 2 else 4
            length, offset = (tag >> 2) + 1, int.from_bytes(data[at:at + width], "little")
            at += width
        for _ in range(length):
            out.append(out[-offset])
    assert len(out) == size
    return bytes(out)


def fields(data):
    at = 0
    def number():
        nonlocal at
        shift = out = 0
        while True:
            b = data[at]
            at, out, shift = at + 1, out | (b & 0x7F) << shift, shift + 7
            if b < 0x80:
                return out
    while at < len(data):
        tag = number()
        if tag & 7 == 0:
            yield tag >> 3, number()
        elif tag & 7 == 1:
            yield tag >> 3, struct.unpack("<d", data[at:at + 8])[0]
            at += 8
        else:
            n = number()
            yield tag >> 3, data[at:at + n]
            at += n


def packed(data):
    out, value, shift = [], 0, 0
    for b in data:
        value, shift = value | (b & 0x7F) << shift, shift + 7
        if b < 0x80:
            out.append(value)
            value = shift = 0
    return out
