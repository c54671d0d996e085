"""What the core needs of the outside, each as a small protocol."""
