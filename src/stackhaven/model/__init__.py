"""``cloud.yaml``: types, defaults, validation, rules with ids. Reads files, touches nothing else."""
