"""Enriched events to detections: Sigma as Polars expressions, correlations as event-time windows."""
