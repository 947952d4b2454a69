"""Built-in allocations: rules that split one budget over the tensors, one file each."""
