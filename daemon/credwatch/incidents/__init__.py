"""Detections to incidents: grouping, life cycle, severity, blast radius."""
