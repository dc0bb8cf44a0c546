"""The command line: one module per group of verbs. Each parses, calls and prints; decisions are made elsewhere."""
