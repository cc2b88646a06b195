# Names and addresses: DNS, local ports, a cloud's metadata service.
import socket
import urllib.request

attempt("resolve", socket.getaddrinfo, "example.org", 80)
attempt("resolve localhost by name", socket.gethostbyname, "metadata.google.internal")
for port in (22, 80, 443, 8333, 8787, 9000):
    attempt("connect", socket.create_connection, ("127.0.0.1", port), 1)
attempt("connect abroad", socket.create_connection, ("1.1.1.1", 53), 1)
try:
    print("LEAK", urllib.request.urlopen("http://169.254.169.254/latest/meta-data/", timeout=1).read())
except OSError as error:
    print("refused: metadata:", error)
