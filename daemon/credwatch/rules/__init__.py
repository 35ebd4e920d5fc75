"""Rule files read into compiled rules: Sigma detections, correlations and log packs. The only importer of pySigma."""
