"""The proposer that needs no language model: gene fragments as files, assembled into programs."""
