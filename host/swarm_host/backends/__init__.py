"""Where units run. Each backend starts one unit somewhere and brings its files back."""
