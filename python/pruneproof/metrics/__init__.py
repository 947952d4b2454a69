"""What is measured on a network apart from its accuracy."""
