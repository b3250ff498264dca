"""What a reader of a dashboard can choose at its top."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import VariableOption, VariableRefresh, VariableSort

from btcwatcher_dashboards.queries import POSTGRES_TYPE, PROMETHEUS, PROMETHEUS_TYPE

Variable = dashboard.DatasourceVariable | dashboard.QueryVariable | dashboard.TextBoxVariable


def prometheus_source() -> Variable:
    """Which Prometheus."""
    return dashboard.DatasourceVariable("prometheus_datasource").label("Prometheus data source").type(PROMETHEUS_TYPE)


def postgres_source() -> Variable:
    """Which Postgres: BTC Watcher's own, by a user who may only read."""
    return dashboard.DatasourceVariable("postgres_datasource").label("Postgres data source").type(POSTGRES_TYPE)


def namespaces() -> Variable:
    """Any number of namespaces; all of them at first."""
    some = _labels("namespace", "Namespace", "btcwatcher_strategy_info", "namespace").multi(True).include_all(True)
    return some.current(VariableOption(text="All", value="$__all"))


def namespace() -> Variable:
    """One namespace."""
    return _labels("namespace", "Namespace", "btcwatcher_strategy_info", "namespace")


def strategy() -> Variable:
    """One Strategy of the namespace."""
    return _labels("strategy", "Strategy", 'btcwatcher_strategy_info{namespace="$namespace"}', "name")


def currency() -> Variable:
    """One stake currency: profit in several cannot be added up."""
    return _labels("currency", "Currency", "btcwatcher_bot_balance", "currency")


def api_address() -> Variable:
    """Where BTC Watcher's API is, for links and commands."""
    return dashboard.TextBoxVariable("api").label("Address of the API").default_value("http://127.0.0.1:8000")


def _labels(name: str, label: str, metric: str, wanted: str) -> dashboard.QueryVariable:
    query = f"label_values({metric}, {wanted})"
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(PROMETHEUS)
        .query({"qryType": 1, "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )
