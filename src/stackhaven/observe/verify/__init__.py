"""Proof as a client: every service on its VIP, a clean catalogue, and two guests that meet, all through public APIs."""
