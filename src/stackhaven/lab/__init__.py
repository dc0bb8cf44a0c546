"""Real machines on this host: images, nodes, networks, power."""
