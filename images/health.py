"""Health check of the operator's and the API's images: /healthz at the port that the named variable holds.

For podman and docker; Kubernetes has probes of its own. Standard library only, and no proxy of the environment.
"""

import http.client
import os
import sys

connection = http.client.HTTPConnection("127.0.0.1", int(os.environ[sys.argv[1]]), timeout=4)
try:
    connection.request("GET", "/healthz")
    answer = connection.getresponse()
except OSError as error:
    sys.exit(f"no answer: {error}")
if answer.status != 200:
    sys.exit(f"{answer.status}: {answer.read(1000).decode(errors='replace').strip()}")
