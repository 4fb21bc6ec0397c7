"""What is looked at: images, as they come and as they are changed; without torch."""
