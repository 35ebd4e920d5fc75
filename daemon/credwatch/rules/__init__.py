"""Rule files read into compiled rules: Sigma detections and correlations, log packs, lint. The only importer of pySigma."""
