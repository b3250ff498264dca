"""The Grafana dashboards, written in Python and committed as JSON beside this package."""
