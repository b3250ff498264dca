"""Renders what the chart has from elsewhere: schema and README from values.yaml, and copies of what is in manifests."""
