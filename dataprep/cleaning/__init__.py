"""From a source to a manifest: scan, measure what is not known yet, judge. Processes that measure import a part of it."""
