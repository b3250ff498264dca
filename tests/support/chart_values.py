"""Sets of values that every promise about the whole chart is tried with."""

from typing import Any

from support.chart import A_DATABASE, merged

VARIANTS: dict[str, dict[str, Any]] = {
    "default": dict(A_DATABASE),
    "bundled": {"database": {"bundled": {"enabled": True}}},
    "namespaced": merged(A_DATABASE, {"namespaces": ["desk-a", "desk-b"], "fullnameOverride": "trade.watch"}),
    "everything": merged(
        A_DATABASE,
        {
            "imageRegistry": "registry.example.com/trading",
            "imagePullSecrets": [{"name": "pull"}],
            "commonLabels": {"team": "desk"},
            "commonAnnotations": {"example.com/owner": "desk"},
            "keys": {"existingSecret": "our-keys"},
            "operator": {
                "metricsPort": 9102,
                "podLabels": {"extra": "label"},
                "podAnnotations": {"extra": "annotation"},
                "nodeSelector": {"kubernetes.io/os": "linux"},
                "tolerations": [{"key": "trading", "operator": "Exists"}],
                "affinity": {"podAntiAffinity": {}},
                "priorityClassName": "system-cluster-critical",
                "extraEnv": [{"name": "BTCWATCHER_RESYNC_SECONDS", "value": "300"}],
                "rolloutPercent": 2.5,
            },
            "api": {
                "autoscaling": {"enabled": True},
                "ingress": {
                    "enabled": True,
                    "host": "btcwatcher.example.com",
                    "tlsSecret": "tls",
                    "className": "nginx",
                },
                "httpRoute": {"enabled": True, "gateway": {"name": "public"}, "hostnames": ["btcwatcher.example.com"]},
                "publicUrl": "https://btcwatcher.example.com",
                "collectorUrl": "http://127.0.0.1:18001",
                "trustedProxies": ["10.0.0.0/8", "fd00::/8"],
                "corsOrigins": ["https://ui.example.com"],
                "service": {"type": "NodePort", "annotations": {"example.com/balancer": "internal"}},
            },
            "worker": {"forbiddenNetworks": ["10.0.0.0/8"], "updateStrategy": "Recreate"},
            "collector": {"botAddress": "http://127.0.0.1:{port}", "host": "127.0.0.1", "port": 18001},
            "screen": {
                "enabled": True,
                "publicUrl": "https://frequi.example.com",
                "ingress": {"enabled": True, "host": "frequi.example.com", "tlsSecret": "tls"},
                "httpRoute": {"enabled": True, "gateway": {"name": "public"}, "hostnames": ["frequi.example.com"]},
                "botAddress": "http://127.0.0.1:{port}",
                "host": "127.0.0.1",
            },
            "market": {"url": "http://127.0.0.1:18090", "proxySecrets": ["tokyo.proxy"]},
            "bots": {
                "baseDomain": "bots.example.com",
                "url": {"scheme": "http", "port": 8080},
                "webhookUrl": "http://127.0.0.1:18000",
                "gateway": {"name": "public", "namespace": "gateways", "section": "https", "routeBy": "path"},
                "ingress": {"annotations": {"cert-manager.io/cluster-issuer": "letsencrypt"}},
                "image": {"repository": "trading/freqtrade", "tag": "2026.9", "pullPolicy": "Always"},
                "exchangeDefaults": {"binance": {"ccxt_config": {"urls": {"api": {"public": "http://127.0.0.1:1"}}}}},
            },
            "capacity": {
                "prometheusUrl": "http://prometheus.monitoring:9090",
                "prometheusTokenSecret": {"name": "prometheus-token"},
                "exchangeBudget": {"binance": 3},
                "nodeTypes": [{"name": "large", "cpu": "16", "memory": "64Gi", "pods": 110, "price": "0.5"}],
            },
            "monitoring": {
                "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
                "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
                "dashboards": {"enabled": True, "annotations": {"folder": "Trading"}},
            },
            "networkPolicies": {
                "ingressFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}],
                "metricsFrom": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}],
                "apiServer": {"cidrs": ["10.0.0.1/32"]},
            },
            "serviceAccounts": {"annotations": {"example.com/role": "trading"}},
        },
    ),
}
