"""helm keeps a release, the chart and all that it rendered, in one Secret, which may hold a megabyte."""

import base64
import gzip
import json

from support import chart
from support.chart import A_DATABASE, CHART, HELMS, KNOWN, merged

MOST = 512 * 1024
"""Half of what there is: values and later kinds need room too."""


def test_a_release_leaves_room_in_its_secret() -> None:
    paths = [path for path in CHART.rglob("*") if path.is_file()]
    encoded = [{"name": str(path), "data": base64.b64encode(path.read_bytes()).decode()} for path in paths]
    values = merged(A_DATABASE, {"monitoring": {"dashboards": {"enabled": True}, "prometheusRule": {"enabled": True}}})
    manifest = chart.text(HELMS[0], json.dumps(values, sort_keys=True), KNOWN)
    release = {"chart": {"files": encoded}, "manifest": manifest}
    kept = base64.b64encode(gzip.compress(json.dumps(release).encode(), 9))
    assert len(kept) < MOST
