"""What is run beside the application: everything at once, a tour, a measurement."""
