"""The state of a whole cloud on one screen: facts from nodes and from outside, findings, and a page from both."""
