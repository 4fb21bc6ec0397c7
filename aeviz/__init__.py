"""aeviz: autoencoders on MNIST, small enough to read and fast enough to play with."""
