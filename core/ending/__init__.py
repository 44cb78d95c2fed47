"""What happens after the search: ensemble, final pick, refit."""
