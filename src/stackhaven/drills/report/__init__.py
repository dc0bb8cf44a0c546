"""Reports: one page per drill that a person understands at a glance."""
