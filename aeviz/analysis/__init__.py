"""What can be asked of a trained model: arrays in, arrays and figures out."""
