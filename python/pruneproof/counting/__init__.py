"""Built-in counting rules: how many units a sparsity leaves, as published codes count them."""
