"""What an operator does with a cloud, from the file to the machines."""
