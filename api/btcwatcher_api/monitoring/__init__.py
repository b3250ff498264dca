"""How nodes and bots are doing, as far as Kubernetes and Prometheus tell."""
