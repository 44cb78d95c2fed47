"""Tells pip (PEP 600) to take only wheels that load on glibc 2.31, which mle-bench's base image
has.
"""


def manylinux_compatible(major: int, minor: int, arch: str) -> bool:
    return (major, minor) <= (2, 31)
