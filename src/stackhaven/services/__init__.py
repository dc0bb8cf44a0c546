"""One folder per deployed system, with everything that is peculiar to it."""
