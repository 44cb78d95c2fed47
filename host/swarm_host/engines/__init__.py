"""Where units run: on this machine, or on machines of an existing cluster. They only place units."""
