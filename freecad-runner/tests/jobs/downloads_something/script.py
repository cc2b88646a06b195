# Fetches a part from the network.
import urllib.request

urllib.request.urlopen("https://example.org/part.step", timeout=5)
