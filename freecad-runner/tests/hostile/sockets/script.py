# A socket of every family and kind.
import socket

kinds = {"stream": 1, "datagram": 2, "raw": 3, "seqpacket": 5}
families = {"unix": 1, "inet": 2, "inet6": 10, "netlink": 16, "packet": 17, "can": 29, "bluetooth": 31, "alg": 38, "vsock": 40, "xdp": 44}
for family, number in families.items():
    for kind, value in kinds.items():
        attempt(f"{family} {kind}", socket.socket, number, value)
attempt("pair", socket.socketpair)
attempt("raw socketcall", syscall, 41, 2, 1, 0)
