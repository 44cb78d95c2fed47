"""One module for each place where an agent can run; each has run(config, logger)."""
