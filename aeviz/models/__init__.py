"""What is trained: the contract, the variants, and how a model is kept and used."""
