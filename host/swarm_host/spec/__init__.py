"""What users write in files: keys and values of the right type, checked whole before anything starts."""
