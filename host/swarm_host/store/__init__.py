"""What is known of groups and units: SQLite decides, the unit folders hold everything."""
