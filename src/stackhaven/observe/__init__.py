"""Looking at a running cloud: verification as a client, and its state on one screen."""
