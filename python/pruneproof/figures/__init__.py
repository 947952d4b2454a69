"""Built-in kinds of figures, one file each: `[[figure]]` of a paper's figures.toml names them."""
